"""The options that say who is told of the end of a run."""

from __future__ import annotations

from metaflow._vendor import click

from metaflow_windmill.deployment.described.notification_options import OPTIONS

_WHERE = "the variable in Windmill that holds it, such as f/folder/variable"

notify_options = (
    click.option(
        "--notify-on-error/--no-notify-on-error",
        default=False,
        show_default=True,
        help="Notify if a run fails.",
    ),
    click.option(
        "--notify-on-success/--no-notify-on-success",
        default=False,
        show_default=True,
        help="Notify if a run succeeds.",
    ),
    click.option(OPTIONS["slack"], default=None, help=f"Notify by an incoming webhook of Slack: {_WHERE}."),
    click.option(
        OPTIONS["webhook"],
        default=None,
        help=f"Notify by a POST of JSON to an address of your own: {_WHERE}.",
    ),
    click.option(
        OPTIONS["pager_duty"],
        default=None,
        help=f"Notify PagerDuty by its Events API v2, with an integration key: {_WHERE}.",
    ),
    click.option(
        OPTIONS["incident_io"], default=None, help=f"Notify incident.io, with an API key: {_WHERE}."
    ),
    click.option(
        "--incident-io-alert-source-config-id",
        default=None,
        help="The id of the alert source in incident.io.",
    ),
    click.option(
        "--incident-io-metadata",
        multiple=True,
        default=None,
        help="Key=Value that alerts in incident.io carry (repeatable).",
    ),
)
