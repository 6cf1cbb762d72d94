"""The addresses of Windmill's pages, for people."""

from __future__ import annotations

from urllib.parse import quote


def run_page(host: str, workspace: str, job_id: str) -> str:
    """Return the address of a run."""
    return f"{host}/run/{job_id}?workspace={quote(workspace)}"


def flow_page(host: str, workspace: str, path: str) -> str:
    """Return the address of a deployed flow."""
    return f"{host}/flows/get/{quote(path)}?workspace={quote(workspace)}"
