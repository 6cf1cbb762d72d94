"""Turns what git says of a failure into a sentence for the person who wrote the resource."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from metaflow_windmill.errors import GitSourceError

if TYPE_CHECKING:
    from metaflow_windmill.gitsource.git import GitFailed
    from metaflow_windmill.gitsource.redaction import Redactor
    from metaflow_windmill.gitsource.validation import Repository

GONE = re.compile(
    r"not our ref|unadvertised object|couldn't find remote ref|no such remote ref|bad object", re.IGNORECASE
)

_UNKNOWN_HOST = (
    "The ssh host {host} is not known here. Put the lines of 'ssh-keyscan {host}' "
    "into the resource's 'known_hosts'."
)
_BAD_KEY = (
    "{host} does not accept the ssh key. Give the resource's 'ssh_key' a key that may read the repository, "
    "without a passphrase."
)
_BAD_CERTIFICATE = (
    "The certificate of {host} cannot be verified. If it is signed by an authority of your own, put that "
    "authority's certificate into the resource's 'ca_certificates'."
)
_MOVED = "{host} sends this address on to another one. Give the resource the repository's new address."
_NO_LOGIN = (
    "{host} does not let this login read the repository. Give the resource a 'token' that may read it."
)
_ABSENT = (
    "There is no such repository at {url}, or this login may not see it. "
    "Check the address and the token's rights."
)
_NO_HOST = "There is no host {host}. Check the address of the repository and the worker's network."
_SILENT = (
    "{host} does not answer as a git server should. Try again; if it stays so, check the worker's network."
)
_BAD_NAMES = "The commit holds file names that cannot be checked out here."

_SENTENCES = {
    r"host key verification failed|no .* host key is known": _UNKNOWN_HOST,
    r"permission denied \(|error in libcrypto|invalid format|load key": _BAD_KEY,
    r"ssl certificate problem|certificate verif|server certificate": _BAD_CERTIFICATE,
    r"returned error: 30\d|unable to update url base from redirection": _MOVED,
    r"returned error: 40[13]|authentication failed": _NO_LOGIN,
    r"could not read (username|password)|terminal prompts": _NO_LOGIN,
    r"returned error: 404|repository .*not found|not (appear to be )?a git repository|no such file": _ABSENT,
    r"could not resolve host|name or service not known": _NO_HOST,
    r"failed to connect|connection (refused|timed out|reset)|network is unreachable|empty reply": _SILENT,
    r"operation timed out|early eof|hung up|returned error: 5\d\d": _SILENT,
    r"invalid path|unable to checkout working tree|unable to create": _BAD_NAMES,
}


def explained(failure: GitFailed, repository: Repository, redactor: Redactor) -> GitSourceError:
    """Return the error for the person, with git's own last words and without any secret."""
    url = redactor.text(repository.url)
    said = redactor.text(_last_words(failure.said))
    for pattern, sentence in _SENTENCES.items():
        if re.search(pattern, failure.said, re.IGNORECASE):
            told = sentence.format(host=repository.host or "the worker's disk", url=url)
            return GitSourceError(f"{told} Git said: {said}")
    return GitSourceError(f"Git could not read {url}. It said: {said}")


def _last_words(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    chosen = [line for line in lines if line.startswith(("fatal:", "error:", "remote:"))] or lines
    text = "; ".join(chosen[-3:]) or "nothing"
    # What a server sends could hold terminal escapes.
    return re.sub(r"[^\x20-\x7e\u00a0-\uffff]", "?", text)[:500]
