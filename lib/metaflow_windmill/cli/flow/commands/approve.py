"""``approve``: answer what a run asks a person before one of its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow._vendor import click

from metaflow_windmill.cli.flow.deployed import deployed, json_option, run_argument
from metaflow_windmill.cli.flow.options.shared import server_options
from metaflow_windmill.deployment.described.names import run_id_of
from metaflow_windmill.runs.approvals import answer, answers_of, chosen, questions
from metaflow_windmill.terminal.speech import CommandError, flow_command, print_json, say

if TYPE_CHECKING:
    from metaflow_windmill.deployment.assembled.deployment_target import TargetOptions
    from metaflow_windmill.internals.deploying import CliState


@flow_command(
    "Answer what a run asks before one of its steps: with it the run goes on, with --reject it ends there. "
    "The last run if none is named. --json prints what is asked and answers nothing.",
    server_options,
    run_argument,
    click.option(
        "--answer",
        "answers",
        multiple=True,
        default=None,
        help="A field of the form as name=value (repeatable).",
    ),
    click.option("--task", default=None, help="Which step, or which of its tasks (step/task), is meant."),
    click.option("--all", "every", is_flag=True, default=False, help="Answer all that it asks alike."),
    click.option("--reject", is_flag=True, default=False, help="Say no."),
    json_option,
    examples=("approve", "approve --answer why=good --answer where=eu", "approve --task each/t-3 --reject"),
)
def command(
    obj: CliState,
    *,
    given: TargetOptions,
    run_id: str | None,
    answers: tuple[str, ...] | None,
    task: str | None,
    every: bool,
    reject: bool,
    as_json: bool,
) -> None:
    """Look for what is asked, check the answer against it, and send it."""
    texts = _texts(answers or ())
    found = deployed(obj, given)
    job = found.run(run_id)
    windmill, run = found.site.windmill, run_id_of(job.id)
    asked = questions(windmill, job, found.flow.value)
    if as_json:
        print_json([question.to_json() for question in asked])
        return
    meant = chosen(asked, run, task, every=every)
    filled = [(question, texts if reject else answers_of(question, texts)) for question in meant]
    for question, said in filled:
        answer(windmill, question, said, approved=not reject)
        say(obj, f"{run} was {'rejected' if reject else 'approved'} before {question.task}.")


def _texts(pairs: tuple[str, ...]) -> dict[str, str]:
    """Read ``name=value`` pairs; `CommandError` if one is none."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise CommandError(f"--answer takes name=value, not {pair!r}", "Wrong use")
        found[name] = value
    return found
