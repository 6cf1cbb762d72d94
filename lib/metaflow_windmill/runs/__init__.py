"""A deployed flow runs: its arguments, its start, its progress, its end, and its resumption."""

__all__ = [
    "approvals",
    "arguments",
    "expected_tasks",
    "flow_modules",
    "reasons",
    "recovery",
    "resumption",
    "start",
    "waits",
    "watch",
]
