"""The state machine that carries flows from step to step, and the queue of jobs that workers take from."""

__all__ = ["alarm", "answering", "changes", "engine"]
