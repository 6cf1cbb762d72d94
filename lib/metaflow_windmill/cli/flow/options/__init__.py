"""The options that commands share."""

__all__ = [
    "attributes",
    "creation",
    "flow_options",
    "follow_options",
    "parameter_options",
    "run_options",
    "shared",
    "token_options",
    "top_level",
]
