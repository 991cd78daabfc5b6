"""What daemon and runner say to each other: length-prefixed JSON frames over a stream socket.

The JSON of a frame is a message (an object) or an array of messages. The daemon tells what many runs share once,
`{"k": "define", "key": KEY, "work": Shared}`, and hands over `{"k": "work", "acked": N, "runs": [Row, …]}`. A key may
be defined anew; runs received before keep what they had. Definitions end with their connection.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any, Final, TypedDict

PROTOCOL: Final = 2
MAX_FRAME: Final = 16 * 1024 * 1024
LENGTH: Final = struct.Struct("!I")
to_json: Final = json.JSONEncoder(separators=(",", ":")).encode

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


def text(message: Any) -> bytes:
    """The JSON text of a message or a part of one, as it stands in frames and journals."""
    return to_json(message).encode("ascii")


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


def decode(body: bytes) -> list[Message]:
    """The messages of one frame. Raises ProtocolError."""
    found = parse(body)
    messages = found if isinstance(found, list) else [found]
    if not messages or not all(isinstance(message, dict) for message in messages):
        raise ProtocolError("frame holds no object, or what is none")
    return messages


def parse(body: bytes) -> Any:
    """What the JSON of one frame says. Raises ProtocolError."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise ProtocolError("frame is not JSON") from None


class FrameReader:
    """Turns bytes as they come into messages; holds what is not complete yet."""

    def __init__(self, decode: Callable[[bytes], list[Message]] = decode) -> None:
        self.decode = decode
        self.buffer = bytearray()

    def feed(self, data: bytes | memoryview) -> list[Message]:
        """The messages that `data` completes. Raises ProtocolError."""
        buffer, decode = self.buffer, self.decode
        buffer += data
        messages: list[Message] = []
        start, size = 0, len(buffer)
        while size - start >= 4:
            end = start + 4 + LENGTH.unpack_from(buffer, start)[0]
            if end - start - 4 > MAX_FRAME:
                raise ProtocolError("frame too long")
            if end > size:
                break
            messages += decode(bytes(buffer[start + 4 : end]))
            start = end
        del buffer[:start]
        return messages
