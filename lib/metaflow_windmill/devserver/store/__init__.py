"""What the embedded server keeps: one SQLite database with one writer, and the logs beside it."""

__all__ = [
    "approval_rows",
    "canonical",
    "clock",
    "containment",
    "database",
    "flow_rows",
    "job_logs",
    "job_rows",
    "jobs",
    "queue",
    "results",
    "trees",
    "user_states",
]
