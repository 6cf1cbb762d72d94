"""Messages between processes: JSON behind its length, over pipes."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

    from metaflow_windmill.types import Json

HEAD = struct.Struct(">I")


def pack(message: Json) -> bytes:
    """Return a message as it goes over the wire."""
    body = json.dumps(message, separators=(",", ":")).encode()
    return HEAD.pack(len(body)) + body


def write(stream: IO[bytes], message: Json) -> None:
    """Send a message."""
    stream.write(pack(message))
    stream.flush()


def read(receive: Callable[[int], bytes]) -> Json:
    """Return the next message.

    Parameters
    ----------
    receive : callable
        Gives at most that many bytes, and none where the other side has gone.

    Raises
    ------
    EOFError
        If the other side has gone.
    """
    (length,) = HEAD.unpack(_exactly(receive, HEAD.size))
    return json.loads(_exactly(receive, length))


def _exactly(receive: Callable[[int], bytes], length: int) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        part = receive(min(length - len(parts), 1 << 20))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)
