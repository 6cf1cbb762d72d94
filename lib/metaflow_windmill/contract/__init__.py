"""What the compiler promises to the runtime, and the deployment to everybody: plain data, no behaviour."""

__all__ = [
    "approval",
    "event",
    "exact",
    "exit_hook",
    "job_inputs",
    "known",
    "memo",
    "notification",
    "pack",
    "record",
    "report",
    "resume_argument",
    "tags",
    "task_spec",
    "worker_options",
]
