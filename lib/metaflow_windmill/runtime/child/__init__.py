"""Metaflow in a child process: its commands, environment, working directory and hooks."""

__all__ = [
    "cloning",
    "command_lines",
    "current_schedule",
    "current_trigger",
    "deadline",
    "flow_file",
    "hooks",
    "local_metadata",
    "metaflow_commands",
    "package_cache",
    "task_environment",
    "workplace",
]
