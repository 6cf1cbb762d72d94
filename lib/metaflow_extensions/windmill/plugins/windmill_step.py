"""The step decorator ``@windmill``: what only Windmill has. Elsewhere it does nothing."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from metaflow.decorators import StepDecorator
from metaflow.exception import MetaflowException


class InvalidWindmillDecorator(MetaflowException):  # type: ignore[misc]
    """What ``@windmill`` was given is none of what it takes."""

    headline = "Invalid @windmill"


class WindmillDecorator(StepDecorator):  # type: ignore[misc]
    """Says how Windmill runs a step.

    Parameters
    ----------
    tag : str, optional, default None
        The tag of the workers that run the step.
    timeout : int, optional, default None
        Seconds after which Windmill ends the job of the step, whatever its code does.
        Use ``@timeout`` for a limit that the code itself, ``@catch`` and ``@retry`` see.
    pack : int, optional, default None
        How many items of a foreach one job takes, each in a process of its own; with 2 or more, the step also
        shares a job with those right before and after it. Instead of what ``--pack`` says of all steps.
    """

    name = "windmill"
    defaults: ClassVar[dict[str, Any]] = {"tag": None, "timeout": None, "pack": None}

    def step_init(  # noqa: PLR0917 (Metaflow's signature)
        self,
        flow: Any,  # noqa: ANN401, ARG002
        graph: Any,  # noqa: ANN401, ARG002
        step_name: str,
        decorators: Any,  # noqa: ANN401, ARG002
        environment: Any,  # noqa: ANN401, ARG002
        flow_datastore: Any,  # noqa: ANN401, ARG002
        logger: Any,  # noqa: ANN401, ARG002
    ) -> None:
        """Check what was given; from ``--with windmill:timeout=60`` come texts."""
        from metaflow_windmill.contract.worker import MOST_PACKED, is_pack, is_worker_tag

        tag, timeout = self.attributes["tag"], self.attributes["timeout"]
        if tag is not None and not is_worker_tag(tag):
            raise InvalidWindmillDecorator(
                f"Step *{step_name}*: the tag of a worker is a text of at most 50 letters, digits and "
                f"'_.:/@-', not {tag!r}."
            )
        if timeout is not None and not re.fullmatch(r"[1-9]\d{0,8}", str(timeout)):
            raise InvalidWindmillDecorator(
                f"Step *{step_name}*: timeout takes a whole number of seconds, 1 or more, not {timeout!r}."
            )
        if self.attributes["pack"] is not None and not is_pack(self.attributes["pack"]):
            raise InvalidWindmillDecorator(
                f"Step *{step_name}*: pack takes a whole number of tasks, 1 to {MOST_PACKED}, not "
                f"{self.attributes['pack']!r}."
            )
