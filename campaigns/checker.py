"""Compares what the witness saw with what jobctl says, and counts every difference."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from campaigns.workload import Kind, Workload
from jobctl import logs

SLACK = 0.05
"""Seconds by which two clocks, one of them of 10 ms, may disagree."""
Row = dict[str, Any]


class Line(NamedTuple):
    """Of the witness: S when an attempt started, E when it ended."""

    kind: str
    sequence: int
    attempt: int
    at: float
    """Seconds since the machine's start."""


def lines(witness: Path) -> list[Line]:
    found = []
    for text in witness.read_text(encoding="ascii").splitlines():
        kind, sequence, attempt, at = text.split()
        found.append(Line(kind, int(sequence), int(attempt), float(at)))
    return found


@dataclass
class Checker:
    """Every violation, by its column in the table of figures."""

    workload: Workload
    rows: dict[int, Row]
    held_by_runners: set[int]
    held_by_workers: set[int]
    boot: float
    """The machine's start on the wall clock."""
    results: dict[int, str]
    found: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def check(self, seen: list[Line]) -> None:
        by_sequence: dict[int, list[Line]] = defaultdict(list)
        for line in seen:
            by_sequence[line.sequence].append(line)
        for sequence in self.workload.accepted.keys() | by_sequence.keys():
            if sequence not in self.rows:
                self.found["lost"].append(f"#{sequence} is not in the database")
        for sequence, row in self.rows.items():
            self._attempts(row, by_sequence[sequence])
            self._end(row, by_sequence[sequence])
        self._queues(seen)
        self._occurrences()

    def _kind(self, row: Row) -> Kind:
        return self.workload.kinds[row["job"]]

    def _held(self, sequence: int) -> bool:
        return sequence in self.held_by_runners or sequence in self.held_by_workers

    def _was_killed(self, row: Row, kind: Kind) -> bool:
        """Whether it failed because this campaign killed the runner or worker that had it."""
        if row["reason"] == "lost":
            return row["sequence"] in self.held_by_runners and kind.on_lost == "fail"
        return row["reason"] == "signal" and row["sequence"] in self.held_by_workers and kind.callable

    # One system job

    def _attempts(self, row: Row, seen: list[Line]) -> None:
        """Every attempt of the row started once and ended once, unless its runner or worker was killed."""
        sequence, starts, ends = row["sequence"], Counter[int](), Counter[int]()
        for line in seen:
            (starts if line.kind == "S" else ends)[line.attempt] += 1
        for line in seen:
            if row["completed_on"] and line.at - self._since_boot(row["completed_on"]) > SLACK:
                self.found["overlaps"].append(f"#{sequence} was {row['status']}, {row['reason']} before its {line}")
        for attempt, count in starts.items():
            if count > 1:
                self.found["twice"].append(f"#{sequence} attempt {attempt} started {count} times")
            if attempt > row["attempt"]:
                self.found["unexplained"].append(
                    f"#{sequence} started attempt {attempt}, its row says {row['attempt']}"
                )
        for attempt in range(1, row["attempt"] + 1):
            whole = starts[attempt] == 1 and ends[attempt] == 1
            if not whole and starts[attempt] <= 1 and not self._held(sequence):
                what = f"attempt {attempt}: {starts[attempt]} S, {ends[attempt]} E, and nobody killed it"
                self.found["unexplained"].append(f"#{sequence} {what}")
        kind = self._kind(row)
        if row["attempt"] > kind.attempts and not (
            self._held(sequence) and (kind.on_lost == "retry" or kind.attempts > 1)
        ):
            self.found["twice"].append(f"#{sequence} {kind.name} has {row['attempt']} attempts")

    def _end(self, row: Row, seen: list[Line]) -> None:
        sequence, kind = row["sequence"], self._kind(row)
        ending = (row["status"], row["reason"])
        if row["state"] != "completed":
            self.found["lost"].append(
                f"#{sequence} {kind.name} was left {row['state']}/{row['status']}/{row['reason']}"
            )
        elif ending == ("succeeded", None):
            self._success(row, kind, seen)
        elif kind.every and ending in {("canceled", "overlap"), ("canceled", "unscheduled"), ("canceled", "missed")}:
            if seen:
                self.found["twice"].append(f"#{sequence} {kind.name} is {row['reason']} and ran")
        elif not self._was_killed(row, kind):
            self.found["lost"].append(
                f"#{sequence} {kind.name} ended as {'/'.join(map(str, ending))}: {row['message']}"
            )

    def _success(self, row: Row, kind: Kind, seen: list[Line]) -> None:
        sequence, attempt = row["sequence"], row["attempt"]
        if attempt < kind.attempts:
            self.found["unexplained"].append(f"#{sequence} {kind.name} succeeded at attempt {attempt}")
        last = {line.kind: line for line in seen if line.attempt == attempt}
        if set(last) != {"S", "E"}:
            self.found["unexplained"].append(
                f"#{sequence} succeeded; the witness saw of its last attempt {sorted(last)}"
            )
            return
        slept = self.workload.accepted.get(sequence, ("", 0.1))[1]
        early = self._since_boot(row["started_on"]) - last["S"].at > SLACK
        if early or row["execution_time_span"] < slept - SLACK:
            self.found["unexplained"].append(
                f"#{sequence} says {row['execution_time_span']} s, slept {slept} s: {last}"
            )
        written = b"".join(chunk.data for chunk in logs.read(self.workload.home, sequence, attempt))
        if written != f"out {sequence} {attempt}\n".encode():
            self.found["logs"].append(f"#{sequence} attempt {attempt} has the output {written!r}")
        if kind.callable and json.loads(self.results.get(sequence, "null")) != sequence:
            self.found["logs"].append(f"#{sequence} has the result {self.results.get(sequence)}")
        if not kind.callable and row["exit_code"] != 0:
            self.found["logs"].append(f"#{sequence} succeeded with exit code {row['exit_code']}")

    def _since_boot(self, instant: str) -> float:
        return datetime.fromisoformat(instant).timestamp() - self.boot

    # Many

    def _queues(self, seen: list[Line]) -> None:
        """One at a time on a token and of a schedule, in the order in which people's own joined."""
        running: dict[str, tuple[int, int]] = {}
        newest: dict[str, int] = {}
        for line in seen:
            row = self.rows.get(line.sequence)
            for queue in queues(self._kind(row)) if row else ():
                if line.kind == "E":
                    if running.pop(queue, None) != (line.sequence, line.attempt):
                        self.found["overlaps"].append(f"{queue}: #{line.sequence} ended beside another")
                    continue
                before, _ = running.get(queue, (0, 0))
                if before and not self._held(before):
                    self.found["overlaps"].append(f"{queue}: #{line.sequence} started beside #{before}")
                running[queue] = (line.sequence, line.attempt)
                if line.sequence in self.workload.accepted:
                    if newest.get(queue, 0) > line.sequence:
                        self.found["order"].append(f"{queue}: #{line.sequence} started after #{newest[queue]}")
                    newest[queue] = line.sequence

    def _occurrences(self) -> None:
        """Each planned instant has one record, and none is left out."""
        planned: dict[str, list[tuple[float, int, int]]] = defaultdict(list)
        for row in self.rows.values():
            if row["occurrence_at"] is not None:
                at = datetime.fromisoformat(row["occurrence_at"]).timestamp()
                planned[row["job"]].append((at, row["sequence"], row["dropped"] or 1))
        for job, records in planned.items():
            every = self.workload.kinds[job].every or 0
            records.sort()
            for (at, sequence, stands_for), (following, other, _) in zip(records, records[1:], strict=False):
                gap = following - at
                if gap < every / 2:
                    self.found["instants"].append(f"{job}: #{sequence} and #{other} are for the same instant")
                elif abs(gap - every * stands_for) > SLACK:
                    self.found["instants"].append(f"{job}: {gap:.3f} s between #{sequence} and #{other}")


def queues(kind: Kind) -> Iterator[str]:
    """What a run of this kind must have to itself."""
    if kind.token:
        yield f"token {kind.token}"
    if kind.every:
        yield f"schedule {kind.name}"
