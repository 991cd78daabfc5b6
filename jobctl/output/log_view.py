"""How the output of a system job is cut, marked and made safe before it is shown."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from jobctl import logs

STDERR = 2

COLOR = r"\x1b\[[0-9;:]*m"
CONTROLS = r"\x00-\x08\x0b-\x1f\x7f-\x9f"
INVISIBLE = r"\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff"
UNSAFE = re.compile(f"{COLOR}|[{CONTROLS}{INVISIBLE}]")
PARTIAL = re.compile(r"\x1b(?:\[[0-9;:]{0,60})?\Z|\r\Z")
"""What the next chunk may turn into a colour or the end of a line."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of one attempt's output. `left_out`: bytes before them that were not kept."""

    attempt: int
    offset: int
    at: int
    stream: int
    data: bytes
    left_out: int = 0


def pieces(home: Path, sequence: int, attempt: int, start: int = 0) -> Iterator[Piece]:
    """The output from byte `start` on, with the gaps in it."""
    expected = start
    for chunk in logs.read(home, sequence, attempt, from_offset=start):
        yield Piece(attempt, chunk.offset, chunk.at, chunk.stream, chunk.data, max(0, chunk.offset - expected))
        expected = chunk.offset + len(chunk.data)


def of_stderr(found: Iterable[Piece]) -> Iterator[Piece]:
    """Only what was written to stderr; gaps stay known."""
    left_out = 0
    for piece in found:
        left_out += piece.left_out
        if piece.stream == STDERR:
            yield Piece(piece.attempt, piece.offset, piece.at, piece.stream, piece.data, left_out)
            left_out = 0
    if left_out:
        yield Piece(piece.attempt, piece.offset, piece.at, piece.stream, b"", left_out)


def last_lines(found: list[Piece], count: int) -> tuple[list[Piece], int]:
    """The pieces that hold the last `count` lines, and how many lines these are."""
    kept: list[Piece] = []
    lines = 0
    for piece in reversed(found if count else []):
        end = len(piece.data)
        if not kept and end:
            # The newline that ends the last line begins no further one.
            lines, end = 1, end - 1
        while (newline := piece.data.rfind(b"\n", 0, end)) >= 0:
            if lines == count:
                rest = piece.data[newline + 1 :]
                cut = Piece(piece.attempt, piece.offset + newline + 1, piece.at, piece.stream, rest)
                return [*([cut] if rest else []), *reversed(kept)], lines
            lines, end = lines + 1, newline
        kept.append(piece)
    kept.reverse()
    return kept, lines


class Sink(Protocol):
    """Where pieces go."""

    def write(self, piece: Piece) -> None: ...

    def begin_line(self) -> None:
        """End a line that was begun, where a person looks on."""
        ...

    def close(self) -> None: ...


@dataclass
class Bytes:
    """The bytes as they were written."""

    out: BinaryIO

    def write(self, piece: Piece) -> None:
        self.out.write(piece.data)
        self.out.flush()

    def begin_line(self) -> None:
        pass

    def close(self) -> None:
        self.out.flush()


@dataclass
class Terminal:
    """Text in which nothing but colour reaches the terminal."""

    out: BinaryIO
    encoding: str
    color: bool = True
    colored: bool = False
    at_line_start: bool = True
    rest: str = ""
    stream: int = 0
    decoders: dict[int, codecs.IncrementalDecoder] = field(default_factory=dict)

    def write(self, piece: Piece) -> None:
        if piece.stream != self.stream or piece.left_out:
            self.finish()
            self.stream = piece.stream
        text = self.rest + self.decoder(piece.stream).decode(piece.data)
        partial = PARTIAL.search(text)
        self.rest = text[partial.start() :] if partial else ""
        self.put(text[: len(text) - len(self.rest)])

    def decoder(self, stream: int) -> codecs.IncrementalDecoder:
        if stream not in self.decoders:
            self.decoders[stream] = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        return self.decoders[stream]

    def put(self, text: str) -> None:
        if not text:
            return
        safe = UNSAFE.sub(self.escaped, text.replace("\r\n", "\n"))
        self.at_line_start = safe.endswith("\n") if safe else self.at_line_start
        self.out.write(safe.encode(self.encoding, "backslashreplace"))
        self.out.flush()

    def escaped(self, match: re.Match[str]) -> str:
        text = match[0]
        if text.endswith("m") and len(text) > 1:
            self.colored = self.colored or self.color
            return text if self.color else ""
        code = ord(text)
        return "\\r" if text == "\r" else f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"

    def finish(self) -> None:
        """Show what was held back of the stream so far."""
        tail = self.rest + (self.decoder(self.stream).decode(b"", True) if self.stream in self.decoders else "")
        self.rest = ""
        self.put(tail)

    def begin_line(self) -> None:
        self.finish()
        if self.colored:
            self.out.write(b"\x1b[0m")
            self.colored = False
        if not self.at_line_start:
            self.out.write(b"\n")
            self.at_line_start = True
        self.out.flush()

    def close(self) -> None:
        self.begin_line()


@dataclass
class Stamped:
    """Each line after the moment at which its first byte was written."""

    sink: Sink
    stamp: Callable[[int], str]
    at_line_start: bool = True

    def write(self, piece: Piece) -> None:
        parts: list[bytes] = []
        for line in split_lines(piece.data):
            if self.at_line_start:
                parts.append(self.stamp(piece.at).encode() + b" ")
            parts.append(line)
            self.at_line_start = line.endswith(b"\n")
        self.sink.write(Piece(piece.attempt, piece.offset, piece.at, piece.stream, b"".join(parts), piece.left_out))

    def begin_line(self) -> None:
        self.sink.begin_line()
        self.at_line_start = True

    def close(self) -> None:
        self.sink.close()


def split_lines(data: bytes) -> list[bytes]:
    """Lines end at a newline only."""
    return [line for line in re.split(rb"(?<=\n)", data) if line]
