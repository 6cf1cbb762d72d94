"""Names for types that every room may use."""

from __future__ import annotations

from typing import Any, TypeAlias

Json: TypeAlias = Any
"""A JSON value, as `json.loads` gives it."""
