"""A Metaflow flow becomes a deployed flow."""

__all__ = ["assembled", "described", "placed"]
