"""How a job can fail before its task begins; the names stand in its result."""

from __future__ import annotations


class PackageError(Exception):
    """The code package cannot be fetched, or is not what was deployed."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.final = final
        """Whether another attempt is of no use: the module's ``retry_if`` reads it."""


class SecretError(Exception):
    """A secret of the flow is not where it was said to be."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.final = True  # of the object, since Windmill looks at nothing else


class UntoldError(Exception):
    """Windmill did not answer what a run has to know."""
