"""What the commands tell Metaflow's Deployer: one JSON text, written once, after all is done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow._vendor import click

if TYPE_CHECKING:
    from metaflow_windmill.internals.deploying import CliState
    from metaflow_windmill.types import Json


attribute_option = click.option(
    "--deployer-attribute-file", default=None, hidden=True, help="Used by Metaflow's Deployer."
)


def write_attributes(file: str | None, obj: CliState, **attributes: Json) -> None:
    """Write the attributes of what a command made, if a Deployer waits for them.

    The Deployer reads a FIFO: what is written before a failure hides the failure's text.
    """
    if file:
        content = {**attributes, "metadata": obj.metadata.metadata_str()}
        Path(file).write_text(json.dumps(content), encoding="utf-8")
