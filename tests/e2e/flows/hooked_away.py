"""A module beside the flow, with a hook in it."""

import os
from pathlib import Path


def from_afar(run=None):
    with Path(os.environ["HOOKED_NOTES"]).open("a") as file:
        file.write(f"from_afar {run.id}\n")
