"""The worker processes: each runs one Python script at a time, as Windmill's workers do."""

__all__ = ["supervisor"]
