"""What daemon and runner say to each other: length-prefixed JSON frames over a stream socket."""

from __future__ import annotations

import json
from typing import Any, Final, TypedDict

PROTOCOL: Final = 1
MAX_FRAME: Final = 16 * 1024 * 1024

Message = dict[str, Any]


class ProtocolError(Exception):
    """The peer sent what is no frame; the connection is of no further use."""


class Work(TypedDict):
    """One run as the daemon hands it over. Durations are seconds, `run_time` is microseconds."""

    sequence: int
    id: str
    claim: int
    attempt: int
    job: str
    kind: str
    """`command` or `callable`."""
    argv: list[str]
    callable: str
    python: str
    path: list[str]
    isolate: bool
    data: str | None
    """JSON text."""
    cwd: str
    umask: int
    environment: dict[str, str]
    """Complete; nothing is inherited."""
    timeout: float | None
    grace: float
    success_codes: list[int]
    run_time: int


def encode(message: Message) -> bytes:
    """One frame."""
    body = json.dumps(message, separators=(",", ":")).encode("ascii")
    return len(body).to_bytes(4, "big") + body


class FrameReader:
    """Turns bytes as they come into messages; holds what is not complete yet."""

    def __init__(self) -> None:
        self.buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """The messages that `data` completes. Raises ProtocolError."""
        self.buffer += data
        messages: list[Message] = []
        start = 0
        while len(self.buffer) - start >= 4:
            end = start + 4 + int.from_bytes(self.buffer[start : start + 4], "big")
            if end - start - 4 > MAX_FRAME:
                raise ProtocolError("frame too long")
            if end > len(self.buffer):
                break
            messages += decode(bytes(self.buffer[start + 4 : end]))
            start = end
        del self.buffer[:start]
        return messages


def decode(body: bytes) -> list[Message]:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise ProtocolError("frame is not JSON") from None
    messages = message if isinstance(message, list) else [message]
    return messages
