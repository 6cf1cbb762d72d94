"""A job does its tasks: which attempt each is, what runs, and what the job returns."""

__all__ = ["attempts", "pack_job", "step"]
