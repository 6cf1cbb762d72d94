"""Keeps secrets unreadable at rest: one key file beside the database, readable by its owner only."""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken

from metaflow_windmill.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Vault:
    """Encrypts with one key.

    Parameters
    ----------
    key : bytes
        As `cryptography.fernet.Fernet` takes it.
    """

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(key)
        self._key = key

    def seal(self, text: str) -> str:
        """Encrypt a text."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """Decrypt a text.

        Raises
        ------
        ServerError
            If it was sealed with another key.
        """
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as fault:
            raise ServerError(
                "A secret was encrypted with another key than the data directory's `key` file holds. "
                "Put the old key file back, or set the secret again."
            ) from fault

    def sign(self, text: str) -> str:
        """Return a signature that only this key makes, as hexadecimal digits."""
        purpose = hmac.new(self._key, b"job tokens", hashlib.sha256).digest()
        return hmac.new(purpose, text.encode(), hashlib.sha256).hexdigest()


def open_vault(file: Path) -> Vault:
    """Open the vault whose key is in a file; a new key is made where there is none.

    Raises
    ------
    ServerError
        If the file holds no key.
    """
    key = private_text(file, lambda: Fernet.generate_key().decode())
    try:
        return Vault(key.encode())
    except ValueError as fault:
        raise ServerError(
            f"{file} does not hold a key. Put the right file back, or remove it to start anew."
        ) from fault


def private_text(file: Path, make: Callable[[], str]) -> str:
    """Return the text of a file that only its owner may read; made, with such rights, where it is absent."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text(encoding="utf-8").strip()
    text = make()
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text + "\n")
    return text
