"""The ordinary end of a run, written many at a time: it succeeded, and nothing else follows from that."""

from __future__ import annotations

import logging
from itertools import zip_longest
from typing import Final

from jobctl import alarms
from jobctl.assignment import Runner
from jobctl.fleet import Message
from jobctl.model import Status
from jobctl.runner.protocol import End, end_message
from jobctl.store import Transaction

log = logging.getLogger("jobctl")

NAMED: Final = 5
"""Successes of one job in one transaction that are named one by one in the daemon's log."""
NO_RESULT: Final = "null"
"""The result of a callable that returns None; it is shown as what has none."""
LARGE: Final = 1024
"""Characters of a result above which it is not gathered with the others, but written by itself."""


END_COLUMNS: Final = (
    *("sequence", "claim", "attempt", "at", "ended_on", "run_time", "result"),
    *("exit_code", "message", "log_bytes", "progress", "stage"),
)
"""Of a quick end the first seven are told."""


class Gathered:
    """The ends of one runner."""

    def __init__(self) -> None:
        self.quick: list[End] = []
        self.full: list[End] = []
        self.large: list[tuple[int, str]] = []
        """Results by system job."""


class Successes:
    """Collects the ends of one transaction. What turns out not to be ordinary takes the longer way."""

    def __init__(self) -> None:
        self.gathered: dict[Runner, Gathered] = {}
        self.sequences: set[int] = set()
        self.written: list[tuple[Runner, list[End]]] = []
        """Those of each runner that are stored."""
        self.cold: set[int] = set()
        """Those whose run time says little of others'."""
        self._no_news: dict[int, bool] = {}

    def add(self, tx: Transaction, runner: Runner, message: Message) -> list[Message]:
        """Take in what may be ordinary ends; what is none, as messages of one system job each."""
        kind = message.get("k")
        if kind == "ends":
            return self._add_quick(tx, runner, message["rows"])
        if kind != "end" or message["outcome"]["status"] != Status.SUCCEEDED or "at" not in message:
            return [message]
        if message["sequence"] in self.sequences or not self._may_be_ordinary(tx, runner, message["sequence"]):
            return [message]
        end = full_end(message, tx.now)
        self.sequences.add(message["sequence"])
        if message.get("cold"):
            self.cold.add(message["sequence"])
        gathered = self.gathered.setdefault(runner, Gathered())
        if end[6] is not None and len(end[6]) > LARGE:
            gathered.large.append((end[0], end[6]))
            end = (*end[:6], None, *end[7:])
        gathered.full.append(end)
        return []

    def _add_quick(self, tx: Transaction, runner: Runner, ends: list[End]) -> list[Message]:
        others = []
        gathered = self.gathered.get(runner) or self.gathered.setdefault(runner, Gathered())
        quick, sequences, given = gathered.quick, self.sequences, runner.given
        version, is_no_news = 0, False  # of the one before
        for end in ends:
            sequence = end[0]
            one = given.get(sequence)
            if one is None or sequence in sequences:
                others.append(end_message(end))
                continue
            if one.version != version:
                version, is_no_news = one.version, self._is_no_news(tx, one.version)
            if not is_no_news:
                others.append(end_message(end))
                continue
            sequences.add(sequence)
            result = end[6]
            if result is not None and len(result) > LARGE:
                gathered.large.append((sequence, result))
                end = (*end[:6], None)
            quick.append(end)
        return others

    def write(self, tx: Transaction) -> list[tuple[Runner, Message]]:
        """Store what was collected; those that were not ordinary after all."""
        others: list[tuple[Runner, Message]] = []
        if self.sequences:
            for runner, gathered in self.gathered.items():
                others += ((runner, message) for message in self._write(tx, runner, gathered))
            self.sequences.clear()
        self.gathered.clear()
        self._no_news.clear()  # what comes next may change who has to be told
        return others

    def _write(self, tx: Transaction, runner: Runner, gathered: Gathered) -> list[Message]:
        ends = [*gathered.quick, *gathered.full]
        taken_out = self._store_all(tx, runner, gathered) if len(ends) > 1 else self._store_one(tx, runner, ends[0])
        large = dict(gathered.large)
        done = [end for end in ends if end[0] not in taken_out] if taken_out else ends
        if large:
            tx.save_results((sequence, result) for sequence, result in large.items() if sequence not in taken_out)
        self.written.append((runner, done))
        self._log(tx, runner, done)
        return [message_of(end, large.get(end[0], end[6])) for end in ends if end[0] in taken_out]

    @staticmethod
    def _store_all(tx: Transaction, runner: Runner, gathered: Gathered) -> set[int]:
        """Those that were not ordinary."""
        run = tx.database.run
        run("ends_table")
        tx.database.run_many("add_quick_end", gathered.quick)
        tx.database.run_many("add_end", gathered.full)
        taken_out = {sequence for (sequence,) in run("take_out_others", {"runner_id": runner.id, **tx.stamp})}
        run("succeed", tx.stamp)
        run("save_ends_results", {"none": NO_RESULT})
        run("clear_ends")
        return taken_out

    @staticmethod
    def _store_one(tx: Transaction, runner: Runner, end: End) -> set[int]:
        """The same of one that comes alone, in a single statement."""
        values = dict(zip_longest(END_COLUMNS, end))
        tx.database.run("succeed_alone", {**values, **tx.stamp, "runner_id": runner.id})
        if tx.database.changes() != 1:
            return {end[0]}
        if end[6] is not None and end[6] != NO_RESULT:
            tx.save_result(end[0], end[6])
        return set()

    def _may_be_ordinary(self, tx: Transaction, runner: Runner, sequence: int) -> bool:
        given = runner.given.get(sequence)
        return given is not None and self._is_no_news(tx, given.version)

    def _is_no_news(self, tx: Transaction, version: int) -> bool:
        """Whether nobody has to be told of a success of that definition; 0 is none that is known."""
        found = self._no_news.get(version)
        if found is None:
            found = bool(version) and alarms.success_is_no_news(tx, tx.job_version(version).job_id)
            self._no_news[version] = found
        return found

    @staticmethod
    def _log(tx: Transaction, runner: Runner, done: list[End]) -> None:
        by_version: dict[int, list[int]] = {}
        given = runner.given
        for end in done:
            sequence = end[0]
            by_version.setdefault(given[sequence].version, []).append(sequence)
        for version, sequences in by_version.items():
            job = tx.job_version(version).job
            if len(sequences) <= NAMED:
                for sequence in sequences:
                    log.info("#%d %s succeeded", sequence, job)
            else:
                log.info("%d of %s succeeded: #%d to #%d", len(sequences), job, min(sequences), max(sequences))


def full_end(message: Message, now: int) -> End:
    """As the statement takes it."""
    outcome = message["outcome"]
    return (
        message["sequence"],
        message["claim"],
        message["attempt"],
        message["at"],
        outcome.get("ended_on") or now,
        outcome.get("run_time", 0),
        outcome.get("result"),
        outcome.get("exit_code"),
        outcome.get("message"),
        outcome.get("log_bytes", 0),
        outcome.get("progress"),
        outcome.get("stage"),
    )


def message_of(end: End, result: str | None) -> Message:
    """What a runner would say of it alone."""
    message = end_message((*end[:6], result))
    message["outcome"].update(zip(("exit_code", "message", "log_bytes", "progress", "stage"), end[7:], strict=False))
    return message
