"""What daemon and runner say to each other: length-prefixed JSON frames over a stream socket.

The JSON of a frame is a message (an object) or an array of messages. The daemon tells what many runs share once,
`{"k": "define", "key": KEY, "work": Shared}`, and hands over `{"k": "work", "acked": N, "runs": [Row, …]}`. A key may
be defined anew; runs received before keep what they had. Definitions end with their connection.

What the daemon is just about to commit it may hand over as `{"k": "prepare", "runs": [Row, …]}`: the runner gets ready
meanwhile, and begins at `{"k": "go"}`, or drops it at `{"k": "forget"}` or when the connection ends.

A runner tells of a success without anything special as `{"k": "ends", "rows": [End, …], "n": N}`, many at a time; of
every other end, and of whatever else becomes of a run, in a message of its own. A begin or an end with `"cold": true`
is that of a fresh worker's first run: how long it takes says little of those that follow.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from json.encoder import encode_basestring_ascii
from typing import Any, Final, TypedDict

PROTOCOL: Final = 4
MAX_FRAME: Final = 16 * 1024 * 1024
LENGTH: Final = struct.Struct("!I")
to_json: Final = json.JSONEncoder(separators=(",", ":")).encode

Message = dict[str, Any]


class ProtocolError(Exception):
    """The peer sent what is no frame; the connection is of no further use."""

    messages: list[Message] = []
    """What came whole before that."""


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


End = Sequence[Any]
"""A quick success: sequence, claim, attempt, begin, end, run time (all in microseconds), result (JSON text or None)."""
SUCCEEDED: Final = 30
"""The value of model.Status; importing the model would cost every runner a megabyte."""


def end_text(sequence: int, claim: int, attempt: int, began: int, ended_on: int, run_time: int, result: str) -> str:
    """The JSON text of an End: put together here, because that takes half as long."""
    return f"[{sequence},{claim},{attempt},{began},{ended_on},{run_time},{encode_basestring_ascii(result)}]"


def ends_text(rows: list[str], number: int) -> bytes:
    """The JSON text of the message with the ends whose texts are given."""
    return f'{{"k":"ends","rows":[{",".join(rows)}],"n":{number}}}'.encode("ascii")


def end_message(end: End) -> Message:
    """The message that tells of this end alone."""
    sequence, claim, attempt, at, ended_on, run_time, result = end
    outcome = {"status": SUCCEEDED, "result": result, "ended_on": ended_on, "run_time": run_time}
    return {"k": "end", "sequence": sequence, "claim": claim, "attempt": attempt, "at": at, "outcome": outcome}


def one_by_one(message: Message) -> list[Message]:
    """A message as messages that tell of one run each."""
    if message.get("k") != "ends":
        return [message]
    number = {"n": message["n"]} if "n" in message else {}
    return [{**end_message(end), **number} for end in message["rows"]]


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


def decode(body: bytes | bytearray) -> list[Message]:
    """The messages of one frame. Raises ProtocolError."""
    found = parse(body)
    messages = found if isinstance(found, list) else [found]
    if not messages or not all(isinstance(message, dict) for message in messages):
        raise ProtocolError("frame holds no object, or what is none")
    return messages


def parse(body: bytes | bytearray) -> Any:
    """What the JSON of one frame says. Raises ProtocolError."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise ProtocolError("frame is not JSON") from None


def decode_all(bodies: Sequence[bytes | bytearray], messages: list[Message]) -> None:
    """Add the messages of frames. Raises ProtocolError."""
    for body in bodies:
        messages += decode(body)


class FrameReader:
    """Turns bytes as they come into messages; holds what is not complete yet."""

    def __init__(self, decode: Callable[[Sequence[bytes | bytearray], list[Any]], None] = decode_all) -> None:
        self.decode = decode
        self.buffer = bytearray()

    def feed(self, data: bytes | memoryview) -> list[Message]:
        """The messages that `data` completes. Raises ProtocolError."""
        self.buffer += data
        messages: list[Message] = []
        bodies, sound = self._cut()
        try:
            self.decode(bodies, messages)
            if not sound:
                raise ProtocolError("frame too long")
        except ProtocolError as error:
            error.messages = messages
            raise
        return messages

    def _cut(self) -> tuple[list[bytearray], bool]:
        """The bodies of the frames that are complete, and whether what follows may be a frame."""
        buffer, bodies = self.buffer, []
        start, size = 0, len(buffer)
        sound = True
        while size - start >= 4:
            end = start + 4 + LENGTH.unpack_from(buffer, start)[0]
            sound = end - start - 4 <= MAX_FRAME
            if end > size or not sound:
                break
            bodies.append(buffer[start + 4 : end])
            start = end
        del buffer[:start]
        return bodies, sound
