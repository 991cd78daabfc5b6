"""What daemon and runner say to each other: length-prefixed JSON frames over a stream socket.

The JSON of a frame is a message (an object) or an array of messages. The daemon tells what many runs share once,
`{"k": "define", "key": KEY, "work": Shared}`, and hands over `{"k": "work", "acked": N, "runs": [Row, …]}`. A key may be
defined anew; runs received before keep what they had. Definitions end with their connection.
"""

from __future__ import annotations

import json
from typing import Any, Final, TypedDict

PROTOCOL: Final = 2
MAX_FRAME: Final = 16 * 1024 * 1024

Message = dict[str, Any]


class ProtocolError(Exception):
    """The peer sent what is no frame; the connection is of no further use."""


class Shared(TypedDict):
    """What the runs of one definition have in common. Durations are seconds."""

    job: str
    kind: str
    """`command` or `callable`."""
    argv: list[str] | None
    callable: str | None
    python: str | None
    path: list[str]
    isolate: bool
    cwd: str
    umask: int
    environment: dict[str, str]
    """Complete but for the variables that tell a run who it is: the runner adds those. Nothing is inherited."""
    timeout: float | None
    grace: float
    success_codes: list[int]


Row = tuple[int, int, str, int, int, int, "str | None"]
"""One run: key of what it shares, sequence, id (32 hex digits), claim, attempt, depth, data (JSON text or None)."""


def encode(message: Message) -> bytes:
    """One frame with one message."""
    return frame(text(message))


def text(message: Message) -> bytes:
    """The JSON text of a message, as it stands in frames and journals."""
    return json.dumps(message, separators=(",", ":")).encode("ascii")


def frame(body: bytes) -> bytes:
    """One frame around JSON text."""
    return len(body).to_bytes(4, "big") + body


def frames(texts: list[bytes]) -> bytes:
    """As few frames as hold the messages whose JSON texts are given, in order."""
    if len(texts) == 1:
        return frame(texts[0])
    if sum(map(len, texts)) + len(texts) + 1 <= MAX_FRAME:
        return frame(b"[" + b",".join(texts) + b"]")
    middle = len(texts) // 2
    return frames(texts[:middle]) + frames(texts[middle:])


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
    """The messages of one frame. Raises ProtocolError."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise ProtocolError("frame is not JSON") from None
    messages = found if isinstance(found, list) else [found]
    if not all(isinstance(message, dict) for message in messages):
        raise ProtocolError("frame holds what is not an object")
    return messages
