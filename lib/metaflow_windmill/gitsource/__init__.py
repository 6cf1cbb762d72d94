"""A git resource becomes a verified checkout of one commit."""

from __future__ import annotations

from metaflow_windmill.gitsource.access import Credentials
from metaflow_windmill.gitsource.git import GitLimits
from metaflow_windmill.gitsource.redaction import Redactor
from metaflow_windmill.gitsource.remote import Checkout, Head, Remote, connect
from metaflow_windmill.gitsource.validation import (
    Repository,
    check_path,
    check_ref,
    is_commit,
    parse_repository,
)

__all__ = [
    "Checkout",
    "Credentials",
    "GitLimits",
    "Head",
    "Redactor",
    "Remote",
    "Repository",
    "check_path",
    "check_ref",
    "connect",
    "is_commit",
    "parse_repository",
]
