"""What the embedded server keeps: one SQLite database with one writer, and the logs beside it."""

__all__ = [
    "approvals",
    "canonical",
    "clock",
    "database",
    "flow_rows",
    "ids",
    "job_rows",
    "jobs",
    "logs",
    "queue",
    "results",
    "trees",
    "user_states",
]
