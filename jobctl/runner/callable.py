"""A callable as the task of a run: a request to a worker, and what its answer means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple, Protocol

from jobctl.errors import BadInput
from jobctl.jsontext import check_json
from jobctl.runner import outcome
from jobctl.runner.begun import WRITTEN
from jobctl.runner.interpreter import GRACE, Worker
from jobctl.runner.loop import Timer
from jobctl.runner.outcome import SUCCEEDED, Exit, Verdict
from jobctl.runner.report import Reports, clean
from jobctl.runner.work import Work

REASONS: Final = frozenset(
    {"import", "arguments", "exception", "memory", "no_result", "result_too_large", "spawn"},
)
EXIT_AFTER_EOF: Final = 0.2
"""Seconds in which a worker that closed its connection should show how it ended."""


class Caller(Protocol):
    """The run that a call is for."""

    work: Work
    reports: Reports

    def begin_again(self) -> None: ...

    def settle(self, verdict: Verdict, *, gone: bool) -> None: ...


class Call:
    patience: Final = GRACE
    """Seconds a worker that is not kept has to end by itself, for handlers of its exit."""

    def __init__(self, worker: Worker, run: Caller) -> None:
        """The only run in the worker's hands: it waits for the worker, or was taken by it."""
        self.worker = worker
        self.run = run
        self.output = worker.output
        self.tree = worker.tree
        self.exit = outcome.UNKNOWN
        self.warm = not worker.fresh
        self.tainted = False
        self.keeps_worker = False
        self.waits_for_go = False
        self.waiting: Timer | None = None
        worker.answered = self.heard
        worker.ended = self.lost
        worker.fresh = False

    @property
    def begun(self) -> bool:
        """Whether the worker has taken the run up: until then, nothing of it has happened."""
        return self.worker.begun.has(self.run.work.ordinal)

    def child_ended(self, pid: int, exited: Exit) -> None:
        if pid == self.tree.leader:
            self.exit = exited
            self.look()
            if self.warm and not self.begun and not self.tainted:
                self.run.begin_again()
            else:
                self.run.settle(outcome.of_worker(exited), gone=False)

    def look(self) -> None:
        self.worker.look()

    def close(self) -> None:
        if self.waiting is not None:
            self.waiting.cancel()
        if not self.keeps_worker:
            self.worker.close()
            return
        self.output.unwatch()
        if self.waits_for_go:
            self.worker.go_on()

    def heard(self, said: Any) -> None:
        if isinstance(said, dict) and said.get("k") == "report":
            self.run.reports.take(said.get("progress"), said.get("stage"), said.get("message"))
            return
        if said == WRITTEN:
            found = self.worker.begun.success(self.run.work.ordinal)
            if found is None:
                return
            said = [self.run.work.ordinal, *found]
        answer = understand(said, self.run.work.ordinal)
        self.worker.files.update(answer.files)
        self.keeps_worker = (
            answer.keep
            and not self.run.work.definition.isolate
            and not self.tainted
            and (not answer.children or self.tree.is_alone())
        )
        self.waits_for_go = answer.waits
        if not self.keeps_worker:
            self.worker.hang_up()
        self.run.settle(answer.verdict, gone=self.keeps_worker)

    def lost(self) -> None:
        """The connection ended without an answer: how the process ends says why."""

        def give_up() -> None:
            self.run.settle(outcome.failed("no_result", "the callable closed the worker's connection"), gone=False)

        self.waiting = self.worker.loop.call_later(EXIT_AFTER_EOF, give_up)


class Answer(NamedTuple):
    """What a worker says at the end of a call. Times are microseconds of the system's clocks."""

    verdict: Verdict
    began: int = 0
    ran: int = 0
    files: dict[str, tuple[int, int]] = {}
    keep: bool = False
    children: bool = False
    """It had children; they have ended, but theirs may not have."""
    out: bool = False
    """There is output to be read."""

    @property
    def waits(self) -> bool:
        """Whether the worker goes on only when it is told to."""
        return self.out or self.children


NONSENSE: Final = Answer(outcome.failed("no_result", "the worker's answer makes no sense"))
"""Then it is not known either which run the worker is at."""


def understand(said: Any, ordinal: int) -> Answer:
    """What was said about the run of that ordinal, made harmless: user code shares the worker's process."""
    try:
        if isinstance(said, list):
            number, began, ran, result = said
            said = {"o": number, "at": began, "ran": ran, "result": result, "files": (), "threads": 0, "keep": True}
        if said.get("k", "end") != "end" or said["o"] != ordinal:
            return NONSENSE
        return Answer(
            verdict_of(said),
            int(said["at"]),
            int(said["ran"]),
            dict(files_of(said["files"])),
            said["keep"] is True,
            bool(said.get("children")),
            bool(said.get("out")),
        )
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError, BadInput):
        return NONSENSE


def verdict_of(said: dict[str, Any]) -> Verdict:
    reason, result = said.get("reason"), said.get("result")
    if reason is not None or not isinstance(result, str):
        verdict = outcome.failed(reason if reason in REASONS else "no_result", clean(str(said.get("message"))))
    else:
        check_json(result)
        verdict = Verdict(SUCCEEDED, result=result)
    return outcome.with_leftovers(verdict, int(said["threads"]), "thread", "threads")


def files_of(said: Any) -> Iterator[tuple[str, tuple[int, int]]]:
    """The user files that the worker says it imported. Raises ValueError or TypeError."""
    for path, time, size in said:
        if "\0" in path:
            raise ValueError("a path holds a NUL")
        yield path, (int(time), int(size))


def believed(fed_on: int, began: int, ran: int, now: int) -> tuple[int, int]:
    """Begin and duration as the worker tells them, within what can be: after it was given, and before now."""
    if began < fed_on:
        began = fed_on
    if began > now:
        began = now
    if ran > now - began:
        ran = now - began
    return began, 0 if ran < 0 else ran
