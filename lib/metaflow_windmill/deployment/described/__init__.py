"""What a deployment says of a flow: names, parameters, schedule, secrets, packages, workers."""

__all__ = [
    "cron",
    "dependencies",
    "git_origin",
    "names",
    "notification_options",
    "parameters",
    "secret_references",
    "service_version",
    "worker_tags",
]
