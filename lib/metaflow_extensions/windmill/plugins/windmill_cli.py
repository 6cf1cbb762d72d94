"""The ``windmill`` group of a flow's command line; Metaflow imports it when one of its commands is used."""

from __future__ import annotations

from metaflow_windmill.cli.flow.group import cli

__all__ = ["cli"]
