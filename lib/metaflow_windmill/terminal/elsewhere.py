"""Options of Metaflow's other orchestrators that are not needed here, and why, for who comes from there."""

from __future__ import annotations

_ALWAYS_PUBLISHED = "each run that succeeds publishes its end, for whoever waits for it; leave it out"
_NO_DAEMON = "the state of a run comes from Windmill, and tasks send heartbeats themselves; leave it out"
_ALWAYS_SHOWN = "a failed run shows its first error, on its page and in `windmill status`; leave it out"

ELSEWHERE = {
    "--auto-emit-argo-events": _ALWAYS_PUBLISHED,
    "--no-auto-emit-argo-events": _ALWAYS_PUBLISHED,
    "--enable-heartbeat-daemon": _NO_DAEMON,
    "--no-enable-heartbeat-daemon": _NO_DAEMON,
    "--enable-error-msg-capture": _ALWAYS_SHOWN,
    "--no-enable-error-msg-capture": _ALWAYS_SHOWN,
    "--log-execution-history": "Windmill keeps the history and the logs of each run; leave it out",
    "--use-distributed-map": "a foreach may be as wide as --max-num-splits says; leave it out",
    "--compress-state-machine": "Windmill takes a flow of any size; leave it out",
    "--aws-batch-tag": "steps run on Windmill's workers; --tag tags the runs, @windmill(tag=...) the workers",
    "--worker-pool": "@windmill(tag=...) chooses the workers of a step",
    "--is-paused-upon-creation": "`windmill suspend` turns a schedule off, and each deployment leaves it off",
    "--workflow-priority": "Windmill's open-source server has no priorities; @windmill(tag=...) gives a flow "
    "workers of its own",
    "--sys-tag": "Metaflow makes system tags itself; --tag gives tags of your own",
}
"""The reason by the option's name."""

_NO_PAUSE = (
    "Windmill does not hold a run that is under way; `windmill terminate` stops the last one, and "
    "`windmill resume` goes on from what it has done"
)
COMMANDS = {"suspend": _NO_PAUSE, "unsuspend": _NO_PAUSE}
"""The reason by the name of a command that takes a run elsewhere, and takes none here."""
