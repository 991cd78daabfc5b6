"""The output of a system job as the page shows it: text alone, cut to its last lines, and what is new of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from itertools import islice, product
from pathlib import Path
from typing import Final

from jobctl import logs
from jobctl.output.log_view import STDERR, Piece, Terminal, last_lines, pieces

LINES: Final = 500
"""Lines of a page, of the last attempts."""
AT_ONCE: Final = 64
"""Pieces (of 64 KiB at most) that one event tells of."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some text of one attempt and stream; `left_out`: bytes before it that were not kept."""

    attempt: int
    at: int
    stderr: bool
    text: str
    left_out: int = 0

    def document(self) -> dict[str, object]:
        return {
            "attempt": self.attempt,
            "stderr": self.stderr,
            "text": self.text,
            "left_out": self.left_out,
        }


@dataclass
class Reader:
    """Reads on where it stopped; makes text of bytes as a terminal is shown it, without colours."""

    home: Path
    sequence: int
    attempt: int = 0
    offset: int = 0
    sizes: list[int] = field(default_factory=list)
    """Of the files when all of them had been read."""
    terminal: Terminal = field(default_factory=lambda: Terminal(BytesIO(), "utf-8", color=False))

    def last(self) -> tuple[list[Part], bool]:
        """The last lines of all that there is, and whether anything before them is not shown."""
        found: list[list[Piece]] = []
        left, cut = LINES, False
        for attempt in reversed(logs.attempts(self.home, self.sequence)):
            if left <= 0:
                cut = True
                break
            whole = list(pieces(self.home, self.sequence, attempt))
            part, count = last_lines(whole, left)
            cut = cut or sum(len(piece.data) for piece in part) < sum(len(piece.data) for piece in whole)
            found.insert(0, part)
            left -= count
        return list(self._parts(piece for part in found for piece in part)), cut

    def fresh(self) -> list[Part]:
        """What was written since, as far as one event takes it."""
        attempts = [one for one in logs.attempts(self.home, self.sequence) if one >= self.attempt]
        sizes = [size_of(logs.segment_path(self.home, self.sequence, *one)) for one in product(attempts, logs.SEGMENTS)]
        if sizes == self.sizes:
            return []
        found: list[Part] = []
        for attempt in attempts:
            start = self.offset if attempt == self.attempt else 0
            found += self._parts(islice(pieces(self.home, self.sequence, attempt, start), AT_ONCE))
            if len(found) >= AT_ONCE:
                return found  # the next look goes on
        self.sizes = sizes
        return found

    def rest(self) -> list[Part]:
        """What was held back, because more might have belonged to it."""
        self.terminal.finish()
        text = self._taken()
        return [Part(self.attempt, 0, self.terminal.stream == STDERR, text)] if text else []

    def _parts(self, found: Iterable[Piece]) -> Iterator[Part]:
        for piece in found:
            if piece.attempt != self.attempt or piece.stream != self.terminal.stream or piece.left_out:
                yield from self.rest()
            self.attempt, self.offset = piece.attempt, piece.offset + len(piece.data)
            self.terminal.write(piece)
            text = self._taken()
            if text or piece.left_out:
                yield Part(piece.attempt, piece.at, piece.stream == STDERR, text, piece.left_out)

    def _taken(self) -> str:
        out = self.terminal.out
        assert isinstance(out, BytesIO)
        text = out.getvalue().decode()
        out.seek(0)
        out.truncate()
        return text


def size_of(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return -1
