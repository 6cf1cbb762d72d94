"""Jobs that are no task: the end of a run, exit hooks and notifications."""

__all__ = ["exit_hook_job", "notification_job", "publish_job"]
