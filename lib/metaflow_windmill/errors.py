"""Every error of this project, as one tree.

::

    MetaflowWindmillError
    ├── CompileError             the flow cannot become an OpenFlow document
    │   └── UnsupportedFlow      it uses something that is not carried over; names every place
    ├── InvalidDocument          a JSON document is not what it should be; ends with the path of the fault
    ├── PackageError             the code package cannot be made, fetched or trusted
    ├── WindmillError            a request to Windmill did not do what was asked
    │   ├── Unreachable          no answer: the host, the network or a time-out
    │   ├── Unauthorized         401 or 403: the token is missing, wrong or has too few rights
    │   ├── NotFound             404
    │   ├── Conflict             the thing is there already
    │   └── Refused              any other answer of 400 and above
    ├── DeployError              a deployment was not made, or only in part
    │   ├── NotOurs              the path holds something that this deployment does not own
    │   └── InvalidParameter     a run was asked for with values that the flow does not take
    ├── TaskError                a task cannot be run as Metaflow needs it
    │   ├── GangError            it is a node of a gang that could not begin, or of which another node failed
    │   └── RetryNotAllowed      and trying again cannot help; Windmill's `retry_if` knows it by its mark
    │       └── WorkflowTimeout  since its run took longer than it may
    ├── GitSourceError           a repository cannot be read safely
    └── ServerError              the embedded server cannot start or go on
        └── RequestRefused       it answers one request with an error

Each message is a sentence for the person at the terminal, says what to do next, and never
holds a secret.
"""

from __future__ import annotations

FINAL = "final"
"""The attribute of an exception after which there is no other attempt.

Windmill's Python worker keeps the attributes of what ended a job as ``error.extra``, which `retry_if` reads.
Of the exceptions of a user's code only name, message and traceback are told: no attribute gets there.
"""


class MetaflowWindmillError(Exception):
    """The root of the tree: catch this to catch all of it."""


class CompileError(MetaflowWindmillError):
    """The flow cannot become an OpenFlow document."""


class UnsupportedFlow(CompileError):
    """The flow uses something that is not carried over to Windmill."""


class InvalidDocument(MetaflowWindmillError):
    """A JSON document is not what it should be.

    Parameters
    ----------
    problem : str
        What is wrong, as a clause.
    where : str
        The path of the fault inside the document, such as ``modules[2].value.iterator``.
    """

    def __init__(self, problem: str, where: str = "") -> None:
        super().__init__(f"{problem}, at {where}" if where else problem)
        vars(self)[FINAL] = True
        self.problem = problem
        self.where = where


class PackageError(MetaflowWindmillError):
    """The code package cannot be made, fetched or trusted."""


class WindmillError(MetaflowWindmillError):
    """A request to Windmill did not do what was asked.

    Parameters
    ----------
    message : str
        What happened, with Windmill's own words.
    request : str
        The request, as ``METHOD /path``; never a header or a query.
    status : int or None
        The HTTP status; None where there was no answer.
    """

    def __init__(self, message: str, request: str = "", status: int | None = None) -> None:
        super().__init__(message)
        self.request = request
        self.status = status


class Unreachable(WindmillError):
    """No answer: the host, the network or a time-out.

    Parameters
    ----------
    message, request : str
    broke : bool
        Whether somebody took the connection and broke it: a server is there, and may answer in a moment.
    """

    def __init__(self, message: str, request: str = "", *, broke: bool = False) -> None:
        super().__init__(message, request)
        self.broke = broke


class Unauthorized(WindmillError):
    """401 or 403: the token is missing, wrong or has too few rights."""


class NotFound(WindmillError):
    """404."""


class Conflict(WindmillError):
    """The thing is there already."""


class Refused(WindmillError):
    """Any other answer of 400 and above."""


class DeployError(MetaflowWindmillError):
    """A deployment was not made, or only in part."""


class NotOurs(DeployError):
    """The path holds something that this deployment does not own."""


class InvalidParameter(DeployError):
    """A run was asked for with values that the flow does not take."""


class TaskError(MetaflowWindmillError):
    """A task cannot be run as Metaflow needs it."""


class GangError(TaskError):
    """A node of a gang cannot begin or go on: the others did not come, or one of them failed."""


class RetryNotAllowed(TaskError):
    """A task cannot be run, and trying again cannot help."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        vars(self)[FINAL] = True


class WorkflowTimeout(RetryNotAllowed):
    """A run took longer than it may."""


class GitSourceError(MetaflowWindmillError):
    """A repository cannot be read safely."""


class ServerError(MetaflowWindmillError):
    """The embedded server cannot start or go on."""


class RequestRefused(ServerError):
    """The embedded server answers one request with an error.

    Parameters
    ----------
    message : str
        The whole answer, as Windmill words it: ``Not found: Flow not found at path f/x/y``.
    status : int
        The HTTP status.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
