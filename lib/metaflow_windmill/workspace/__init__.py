"""What the scripts of a workspace do: read flows from git, compile them apart, decide, deploy, report."""

__all__ = ["doctor", "entry_points", "installing"]
