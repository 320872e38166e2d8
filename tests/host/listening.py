"""Listens to what the host tells a browser while a prompt runs: a small WebSocket client."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

PREVIEW, TEXT = 1, 3
"""The host's kinds of binary messages."""


@dataclass(frozen=True)
class Message:
    """What the host said."""

    kind: str
    """The type of a JSON message; or "preview", a picture, or "text", a text on a node."""
    data: Any
    """Of a JSON message its data; the text; the picture's bytes."""


class Listener:
    """A connection to a host at a port of this machine. A context manager.

    Args:
        port: of the host.
        client: by which name prompts are queued whose messages are for this listener.
    """

    def __init__(self, port: int, client: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=600)
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET /ws?clientId={client} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self._file = self._socket.makefile("rb")
        while self._file.readline() != b"\r\n":
            pass

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def until_the_end(self) -> Iterator[Message]:
        """All messages until a prompt is done, stopped or failed, the last one included."""
        ends = {"execution_success", "execution_interrupted", "execution_error"}
        while True:
            message = self._message()
            if message is not None:
                yield message
                if message.kind in ends:
                    return

    def _message(self) -> Message | None:
        """The next message; None for one of a kind that tests have no use for."""
        first, length = self._file.read(2)
        if length == 126:
            (length,) = struct.unpack(">H", self._file.read(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self._file.read(8))
        body = self._file.read(length)
        if first & 15 == 1:
            said = json.loads(body)
            return Message(said["type"], said["data"])
        (kind,) = struct.unpack(">I", body[:4])
        if kind == PREVIEW:
            return Message("preview", body[8:])
        if kind == TEXT:
            (size,) = struct.unpack(">I", body[4:8])
            return Message("text", body[8 + size :].decode())
        return None
