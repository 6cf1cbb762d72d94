"""Asks a program what runs keep outside of Windmill."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metaflow_windmill.types import Json

PATIENCE = 60.0
"""Seconds for an answer: it may come from an object store far away."""


@dataclass(frozen=True)
class Program:
    """A program that reads a question from its input and writes the answer to its output, both JSON."""

    command: Sequence[str]

    def tell(self, asked: Json) -> dict[str, Json]:
        """Return the program's answer.

        Raises
        ------
        ServerError
            If it gives none.
        """
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("WM_", "WINDMILL_"))
        }
        try:
            done = subprocess.run(
                self.command,
                input=json.dumps(asked).encode(),
                capture_output=True,
                timeout=PATIENCE,
                check=True,
                env=environment,
            )
            told: dict[str, Json] = json.loads(done.stdout)
        except (OSError, subprocess.SubprocessError, ValueError) as fault:
            raise ServerError(f"What the run keeps cannot be told: {type(fault).__name__}.") from fault
        return told
