"""Schedules: cron patterns as Windmill reads them, and the thread that starts runs when they are due."""

__all__ = ["cron_patterns", "scheduler"]
