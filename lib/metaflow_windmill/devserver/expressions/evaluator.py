"""What evaluating an expression means, whoever does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from metaflow_windmill.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from metaflow_windmill.types import Json


class ExpressionError(ServerError):
    """An expression threw, could not be parsed, or took too long."""


class Evaluator(Protocol):
    """Evaluates JavaScript expressions."""

    def evaluate(
        self,
        expression: str,
        names: Mapping[str, Json],
        look_up: Callable[[str, str], Json],
        previous_id: str = "",
    ) -> Json:
        """Return the value of an expression as JSON.

        Parameters
        ----------
        expression : str
        names : mapping
            The values that it may name.
        look_up : callable
            ``look_up(kind, name)`` for what is fetched only when named: kind ``results``, ``variable``,
            ``resource`` or ``flow_user_state``. It raises `ExpressionError` for what is not there.
        previous_id : str
            The step whose result is named ``previous_result``.

        Raises
        ------
        ExpressionError
        """

    def close(self) -> None:
        """End the processes."""
