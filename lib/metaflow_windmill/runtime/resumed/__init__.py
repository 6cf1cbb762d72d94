"""Tasks that an earlier run did already."""

__all__ = ["origin_run"]
