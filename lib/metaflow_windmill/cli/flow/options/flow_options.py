"""The options that say what is deployed."""

from __future__ import annotations

from metaflow._vendor import click
from metaflow.runtime import MAX_NUM_SPLITS

from metaflow_windmill.cli.flow.options.notify import notify_options

# The types of the options are those that Metaflow's Deployer knows by name: no IntRange and the like.
flow_options = (
    click.option("--namespace", "user_namespace", default=None, help="Namespace of the runs' tasks."),
    click.option("--tag", "tags", multiple=True, default=None, help="Tag every run (repeatable)."),
    click.option(
        "--max-workers",
        default=None,
        type=int,
        help="Most tasks of one foreach at a time; as many as there are workers if not given.",
    ),
    click.option(
        "--pack",
        default=None,
        type=int,
        help="Run this many items of a foreach in one job, each in a process of its own, and steps "
        "in a row in one job too: for flows of many short tasks. One task a job if not given.",
    ),
    click.option(
        "--memo",
        is_flag=True,
        default=False,
        help="Clone each task whose code, inputs, parameters and packages are those of an earlier success, "
        "instead of running it, as @memo does for one step.",
    ),
    click.option(
        "--retry-lost",
        default=None,
        type=int,
        help="Run a task again so often because its worker went away in the middle, 0 to 5, whatever @retry "
        "says of what its code raises. As often as Windmill does, three times, if not given.",
    ),
    click.option(
        "--max-num-splits",
        default=MAX_NUM_SPLITS,
        show_default=True,
        type=int,
        help="Most splits that a foreach may make, as for Metaflow's own run.",
    ),
    click.option(
        "--workflow-timeout",
        default=None,
        type=int,
        help="Most seconds that a run may take; then its tasks are stopped and it fails.",
    ),
    click.option(
        "--workflow-title", default=None, help="Title of the flow in Windmill instead of the flow's name."
    ),
    click.option(
        "--workflow-description",
        default=None,
        help="Description of the flow in Windmill, in Markdown, instead of the flow's docstring.",
    ),
    click.option(
        "--requirements",
        default=None,
        help="A requirements.txt, pyproject.toml, uv.lock or script with a PEP 723 header: Windmill "
        "installs its packages for every step. 'none' for none; if not given, what the flow's file or "
        "its repository says.",
    ),
    click.option(
        "--secret",
        "secrets",
        multiple=True,
        default=None,
        help="NAME=f/folder/variable, or NAME=f/folder/resource#field: an environment variable of every "
        "task whose value stays in Windmill (repeatable).",
    ),
    *notify_options,
)
"""In the order of the help."""
