"""The pages that people look at: plain HTML, a style sheet, a few lines of script, nothing from elsewhere."""

__all__ = ["handlers"]
