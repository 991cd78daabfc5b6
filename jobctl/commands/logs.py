"""`jobctl logs`."""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO

import click

from jobctl import control
from jobctl import logs as kept
from jobctl.clock import to_datetime
from jobctl.commands.context import ID, App, json_option, note, note_daemon, pass_app
from jobctl.commands.waiting import Changes, completed, result_line, title, words
from jobctl.document import instant, system_job_document
from jobctl.errors import BadInput, SystemJobNotFound
from jobctl.model import SystemJob
from jobctl.output.log_view import Bytes, Piece, Sink, Stamped, Terminal, last_lines, of_stderr, pieces
from jobctl.output.text import local


@click.command()
@click.argument("id_", type=ID, metavar="ID")
@click.option("-f", "--follow", is_flag=True, help="Go on until the system job is completed, across retries.")
@click.option("-n", "--lines", type=click.IntRange(min=0), metavar="N", help="Only the last N lines.")
@click.option("--stderr", "only_stderr", is_flag=True, help="Only what it wrote to stderr.")
@click.option("--timestamps", is_flag=True, help="Each line after the moment at which it was written.")
@click.option("--raw", is_flag=True, help="The very bytes, also on a terminal.")
@json_option
@pass_app
def logs(
    app: App, id_: str, follow: bool, lines: int | None, only_stderr: bool, timestamps: bool, raw: bool, as_json: bool
) -> None:
    """Print the output of a system job: stdout and stderr of all its attempts, in order.

    The first and the last part are kept; what was left out between them is named on stderr. On a terminal,
    control characters are shown, not obeyed, except colours; in a pipe the bytes are as the run wrote them.

    \b
    jobctl logs 42
    jobctl logs -f backup           the one that runs
    jobctl logs -n 20 --stderr 42
    """
    if as_json and (follow or raw or timestamps):
        raise BadInput("--json takes only -n and --stderr beside it: it is one document, and has the moments")
    store = app.store()
    system_job = control.resolve(store, id_, "follow" if follow else "logs")
    view = View(app, system_job, only_stderr)
    if as_json:
        return view.document(lines)
    sink = choose_sink(app, raw, timestamps)
    try:
        shown = view.show(sink, view.chosen(lines))
        if follow and not completed(system_job):
            note_daemon(app)
            view.follow(sink)
    finally:
        sink.close()
    if not follow and not shown:
        wrote = f"it wrote nothing{' to stderr' if only_stderr else ''}"
        if system_job.log_bytes and not view.attempts():
            wrote = f"it wrote {system_job.log_bytes:,} bytes, and they are gone"
        note(f"{title(system_job)} is {words(system_job)}; {wrote}")


def choose_sink(app: App, raw: bool, timestamps: bool) -> Sink:
    out = sys.stdout.buffer if sys.stdout is not None else BytesIO()
    sink: Sink = Bytes(out)
    terminal = sys.stdout is not None and sys.stdout.isatty()
    if terminal and not raw:
        sink = Terminal(out, sys.stdout.encoding, color=app.color != "never")
    if not timestamps:
        return sink
    return Stamped(sink, local if terminal else lambda at: to_datetime(at).isoformat(timespec="microseconds"))


@dataclass
class View:
    """The output of one system job, read without any transaction."""

    app: App
    system_job: SystemJob
    only_stderr: bool
    attempt: int = 0
    """The attempt read last, and `offset`: its first byte that was not read yet."""
    offset: int = 0
    seen: list[tuple[int, int]] = field(default_factory=list)
    titled: int = 0
    """The attempt whose title was shown last."""

    def chosen(self, lines: int | None) -> Iterator[Piece]:
        """What is there: all of it, or its last lines."""
        if lines is None:
            for attempt in self.attempts():
                yield from self.read(attempt)
            return
        parts: list[list[Piece]] = []
        for attempt in reversed(self.attempts()):
            part, count = last_lines(list(self.read(attempt)), lines)
            parts.insert(0, part)
            lines -= count
            if lines <= 0:
                break
        for part in parts:
            yield from part

    def attempts(self) -> list[int]:
        return kept.attempts(self.app.config.home, self.system_job.sequence)

    def read(self, attempt: int, start: int = 0) -> Iterator[Piece]:
        """The wanted pieces of an attempt from byte `start` on."""
        found = self.tracked(pieces(self.app.config.home, self.system_job.sequence, attempt, start))
        return of_stderr(found) if self.only_stderr else found

    def tracked(self, found: Iterator[Piece]) -> Iterator[Piece]:
        for piece in found:
            if piece.attempt >= self.attempt:
                self.attempt, self.offset = piece.attempt, piece.offset + len(piece.data)
            yield piece

    def show(self, sink: Sink, found: Iterator[Piece]) -> bool:
        """Write what was found; whether there was anything."""
        any_found = False
        for piece in found:
            any_found = True
            if (
                piece.attempt != self.titled
                and isinstance(sink, Terminal)
                and (self.titled or self.system_job.attempt > 1)
            ):
                self.aside(sink, f"── attempt {piece.attempt}, {local(piece.at)} ──")
            self.titled = piece.attempt
            if piece.left_out:
                self.aside(sink, f"… {piece.left_out:,} bytes left out …")
            if piece.data:
                sink.write(piece)
        return any_found

    def aside(self, sink: Sink, text: str) -> None:
        """A remark between the lines, on stderr."""
        sink.begin_line()
        click.echo(text, err=True)

    def follow(self, sink: Sink) -> None:
        """Write what comes until the system job is completed and all of its output shown."""
        store, sequence = self.app.store(), self.system_job.sequence
        changes = Changes(store)
        now: SystemJob | None = store.find_system_job(sequence)
        while True:
            self.show(sink, self.fresh())
            if now is None:
                raise SystemJobNotFound(f"{sequence} any more: it was deleted")
            if completed(now):
                sink.begin_line()
                return note(result_line(now))
            if changes.look():
                now = store.find_system_job(sequence)

    def fresh(self) -> Iterator[Piece]:
        """What was written since the last look."""
        files = self.files()
        if files == self.seen:
            return
        for attempt in self.attempts():
            if attempt >= self.attempt:
                yield from self.read(attempt, self.offset if attempt == self.attempt else 0)
        self.seen = files

    def files(self) -> list[tuple[int, int]]:
        """What changes when there is more to read: inode and size of each file, without reading any."""
        found = []
        for attempt in self.attempts():
            for segment in kept.SEGMENTS:
                path = kept.segment_path(self.app.config.home, self.system_job.sequence, attempt, segment)
                with contextlib.suppress(FileNotFoundError):
                    status = os.stat(path)
                    found.append((status.st_ino, status.st_size))
        return found

    def document(self, lines: int | None) -> None:
        decoders: dict[tuple[int, int], codecs.IncrementalDecoder] = {}
        output = []
        for piece in self.chosen(lines):
            key = (piece.attempt, piece.stream)
            if key not in decoders or piece.left_out:
                decoders[key] = codecs.getincrementaldecoder("utf-8")("replace")
            output.append(
                {
                    "attempt": piece.attempt,
                    "stream": "stderr" if piece.stream == 2 else "stdout",
                    "at": instant(piece.at),
                    "offset": piece.offset,
                    "left_out": piece.left_out,
                    "text": decoders[key].decode(piece.data),
                }
            )
        data, result = self.app.store().payload(self.system_job.sequence)
        self.app.output(True).document(system_job=system_job_document(self.system_job, data, result), output=output)
