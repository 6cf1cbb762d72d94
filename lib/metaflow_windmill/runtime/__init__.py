"""Inside a job: which task this is, which attempt, what it reads, Metaflow itself, logs and result."""

__all__ = ["child", "output", "position", "report", "resumed", "task"]
