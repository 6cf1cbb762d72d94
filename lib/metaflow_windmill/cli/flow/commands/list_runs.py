"""``list-runs``: the runs of the deployed flow, newest first."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING

from metaflow._vendor import click

from metaflow_windmill.cli.flow.deployed import deployed, json_option
from metaflow_windmill.cli.flow.options.shared import server_options
from metaflow_windmill.cli.flow.telling.showing import RUN_HEADS, run_json, run_row
from metaflow_windmill.client.models import JobState
from metaflow_windmill.contract.tags import argument_of
from metaflow_windmill.terminal.speech import flow_command, print_json, print_table, say

if TYPE_CHECKING:
    from metaflow_windmill.client.models import Job
    from metaflow_windmill.deployment.assembled.deployment_target import TargetOptions
    from metaflow_windmill.internals.deploying import CliState

LIMIT = 20


@flow_command(
    "List the runs of the deployed flow, newest first.",
    server_options,
    click.option(
        "--state",
        "states",
        multiple=True,
        type=click.Choice([state.value for state in JobState], case_sensitive=False),
        default=None,
        help="Only runs in this state (repeatable).",
    ),
    click.option(
        "--tag",
        "tags",
        multiple=True,
        default=None,
        help="Only runs that were asked for with this tag (repeatable: with all of them).",
    ),
    click.option("--limit", default=LIMIT, show_default=True, type=int, help="Most runs to list."),
    json_option,
    examples=("list-runs", "list-runs --state FAILED --state CANCELED --limit 5 --json"),
)
def command(
    obj: CliState,
    *,
    given: TargetOptions,
    states: tuple[str, ...] | None,
    tags: tuple[str, ...] | None,
    limit: int,
    as_json: bool,
) -> None:
    """Print a table or JSON."""
    found = deployed(obj, given)
    wanted = {JobState(state.upper()) for state in states or JobState}
    asked = {"args": json.dumps(argument_of(tags))} if tags else {}
    runs = found.site.windmill.list_runs(found.path, **asked)
    jobs: list[Job] = list(islice((job for job in runs if job.state in wanted), limit))
    if as_json:
        print_json([run_json(found.site, job) for job in jobs])
    elif jobs:
        print_table(RUN_HEADS, [run_row(job) for job in jobs])
    else:
        say(obj, f"{found.path} has no such runs.")
