"""The module that tells people how a run ended."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from metaflow_windmill.compiler.spec import RECORD
from metaflow_windmill.contract.job_inputs import JobInputs
from metaflow_windmill.contract.notification import NOTIFY, Notification, variable_of
from metaflow_windmill.openflow import Javascript, Module, Static

if TYPE_CHECKING:
    from metaflow_windmill.compiler.place import Context

SECONDS = 120
"""After which Windmill ends the job; each channel takes much less, whatever its receiver does."""


def notify_on_success(context: Context, report: str) -> tuple[Module, ...]:
    """Return the module that tells of a run that succeeded, if anybody wants to know.

    Parameters
    ----------
    context : Context
    report : str
        The expression for what the end step returned.
    """
    if not context.deployment.notifications.on_success:
        return ()
    return (_module(context, "notify_on_success", JobInputs(report=Javascript(report)), failed=False),)


def notify_on_error(context: Context, error: str) -> tuple[Module, ...]:
    """Return the module that tells of a run that failed, if anybody wants to know.

    Parameters
    ----------
    context : Context
    error : str
        The expression for what failed.
    """
    if not context.deployment.notifications.on_error:
        return ()
    return (_module(context, "notify_on_error", JobInputs(error=Javascript(error)), failed=True),)


def _module(context: Context, part: str, given: JobInputs, *, failed: bool) -> Module:
    """Return a module without user code, whose failure changes nothing.

    What is secret in a channel is among the ``secrets`` of this one module, as a reference: the
    tasks of the flow have no need of it.
    """
    deployment, names = context.deployment, context.names
    channels = deployment.notifications.channels
    told = Notification({channel.kind: channel.settings for channel in channels}, failed)
    credentials = {variable_of(channel.kind): channel.credential for channel in channels}
    secrets = Static({**deployment.secrets, **credentials})
    inputs = replace(given, deployment=RECORD, secrets=secrets)
    return Module(
        id=names.of_part(names.first(context.dag.end), part),
        summary="notify " + ", ".join(channel.kind.replace("_", " ") for channel in channels),
        value=deployment.code.job({NOTIFY: told.to_json()}, inputs.named(), deployment.tag),
        continue_on_error=True,
        timeout=SECONDS,
    )
