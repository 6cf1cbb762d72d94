"""The step decorator ``@memo``: an earlier success may stand for a task. Elsewhere it does nothing."""

from __future__ import annotations

from typing import Any, ClassVar

from metaflow.decorators import StepDecorator
from metaflow.exception import MetaflowException


class InvalidMemo(MetaflowException):  # type: ignore[misc]
    """What ``@memo`` was given is none of what it takes."""

    headline = "Invalid @memo"


class MemoDecorator(StepDecorator):  # type: ignore[misc]
    """Says that a task is cloned from an earlier success instead of run, where nothing has changed.

    On Windmill, a task whose code, inputs, parameters, configs, packages, environment and Python are those of
    a task of an earlier run that succeeded is cloned from it. What else a step looks at (the time, `current`,
    files and services elsewhere) is not compared: such a step should not have it, or `expires`.

    Parameters
    ----------
    expires : str or int, optional, default None
        How long a success may stand for others: seconds, or "15m", "12h", "7d", "2w". None for ever.
    ignore : list of str, optional, default None
        Artifacts and parameters that are not compared.
    enabled : bool, default True
        False runs the step each time, also with ``--memo``.
    """

    name = "memo"
    defaults: ClassVar[dict[str, Any]] = {"expires": None, "ignore": None, "enabled": True}

    def step_init(  # noqa: PLR0917 (Metaflow's signature)
        self,
        flow: object,  # noqa: ARG002
        graph: object,  # noqa: ARG002
        step_name: str,
        decorators: object,  # noqa: ARG002
        environment: object,  # noqa: ARG002
        flow_datastore: object,  # noqa: ARG002
        logger: object,  # noqa: ARG002
    ) -> None:
        """Check what was given; from ``--with memo:expires=7d`` come texts."""
        from metaflow_windmill.contract.memo import seconds_of

        expires, ignore = self.attributes["expires"], self.attributes["ignore"]
        if expires is not None and seconds_of(expires) is None:
            raise InvalidMemo(
                f"Step *{step_name}*: expires takes seconds, or a text such as '15m', '12h', '7d' or '2w', "
                f"not {expires!r}."
            )
        names = ignore if isinstance(ignore, (list, tuple)) else [ignore or ""]
        if not all(isinstance(name, str) for name in names):
            raise InvalidMemo(
                f"Step *{step_name}*: ignore takes the names of artifacts and parameters, not {ignore!r}."
            )
