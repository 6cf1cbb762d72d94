"""The expressions inside a flow: look-ups in Python, everything else in QuickJS, in a process of its own."""

__all__ = ["evaluator", "quickjs", "syntax"]
