"""A system job as Etendo RX tells of an asynchronous process: by entries, derived from what is recorded.

The states are ACCEPTED, WAITING, STARTED, RETRY, and one of DONE, ERROR and REJECTED at the end. What is not recorded
is not told: a wait for a token that is over, for example.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from jobctl import logs
from jobctl.clock import to_datetime
from jobctl.friendly import friendly_message
from jobctl.model import JsonDict, Reason, State, Status, SystemJob
from jobctl.store import Event, Store

FINAL: Final = {Status.SUCCEEDED: "DONE", Status.FAILED: "ERROR", Status.CANCELED: "REJECTED"}
AGAIN: Final = ("retry", "lost")
MOVING: Final = (*AGAIN, "postpone", "paused", "resume")
AHEAD: Final = (Reason.SCHEDULED, Reason.AFTER, Reason.WAITING_FOR_EVENT)
TAIL: Final = 4000
"""Bytes of the output's end that an entry shows."""


@dataclass(frozen=True, slots=True)
class Entry:
    state: str
    at: int
    description: str
    attempt: int | None = None
    """Whose output belongs to it."""

    @property
    def final(self) -> bool:
        return self.state in FINAL.values()

    def id(self, of: str) -> str:
        """The same whenever it is told."""
        return str(uuid.uuid5(uuid.UUID(of), f"{self.state} {self.at}"))


def entries(store: Store, row: SystemJob) -> list[Entry]:
    """Newest first."""
    events = store.events(sequence=row.sequence)
    again = [event for event in events if event.kind in AGAIN]
    found = [Entry("ACCEPTED", row.created_on, f"received from {row.created_by}")]
    found += _deferred(store, row, events)
    found += [entry for event in events for entry in _of_event(event)]
    for attempt, event in enumerate(again, 1):
        found += _ended_attempt(row, event, attempt, last=event is again[-1])
    started = {event.detail.get("started_on") for event in again}
    if row.started_on is not None and row.started_on not in started:
        found.append(Entry("STARTED", row.started_on, _running(row)))
    if row.continued_on is not None:
        found.append(Entry("STARTED", row.continued_on, "goes on"))
    if row.blocked_by is not None and row.state is State.READY:
        found.append(Entry("WAITING", row.ready_on or row.created_on, f"waits for {row.blocked_by} to end"))
    found.sort(key=lambda entry: entry.at)
    if row.completed_on is not None:
        told = friendly_message(row) or row.status.label
        found.append(Entry(FINAL[row.status], row.completed_on, told, row.attempt or None))
    return found[::-1]


def _deferred(store: Store, row: SystemJob, events: list[Event]) -> Iterator[Entry]:
    """Whether it was to wait when it was made: for its time, an event, or others."""
    late = row.ready_on is None or row.ready_on > row.created_on
    moved = any(event.kind in MOVING for event in events)  # then it became ready more than once
    planned = row.occurrence_at is not None and row.occurrence_at > row.created_on
    waived = any(event.kind == "resume" and event.detail.get("was") in AHEAD for event in events)
    if (late and not moved) or planned or waived or store.waits(row.sequence):
        words = "waits for its time" if row.reason in (Reason.SCHEDULED, None) else f"waits ({row.reason.value})"
        yield Entry("WAITING", row.created_on, words.replace("_", " "))


def _of_event(event: Event) -> Iterator[Entry]:
    if event.kind == "postpone":
        yield Entry("WAITING", event.at, f"postponed by {event.actor} until {stamp(event.detail['until'])}")
    elif event.kind == "paused":
        yield Entry("WAITING", event.at, "stands still")


def _ended_attempt(row: SystemJob, event: Event, attempt: int, *, last: bool) -> Iterator[Entry]:
    if (begun := event.detail.get("started_on")) is not None:
        yield Entry("STARTED", int(begun), "running")
    if last and row.reason is Reason.LOST:
        return  # its end tells of the loss
    message = event.detail.get("message") or ("was lost" if event.kind == "lost" else "failed")
    yield Entry("RETRY", event.at, f"attempt {attempt}: {message}", attempt)


def _running(row: SystemJob) -> str:
    """With what the run reports of itself while it runs."""
    if row.state is State.COMPLETED:
        return "running"
    parts = [row.stage, None if row.progress is None else f"{row.progress:g} %"]
    said = ", ".join(part for part in parts if part)
    return f"running: {said}" if said else "running"


def stamp(at: int) -> str:
    """As Etendo RX prints instants, in UTC: `dd-MM-yyyy HH:mm:ss:SSS`."""
    moment = to_datetime(at)
    return f"{moment:%d-%m-%Y %H:%M:%S}:{moment.microsecond // 1000:03d}"


def entry_document(store: Store, row: SystemJob, entry: Entry) -> JsonDict:
    log = None if entry.attempt is None else output_end(store, row, entry.attempt)
    data = store.payload(row.sequence)[0] if entry.state == "ACCEPTED" else None
    return {
        "id": entry.id(row.id),
        "asyncProcessId": row.id.upper(),
        "state": entry.state,
        "time": stamp(entry.at),
        "description": entry.description,
        "log": log,
        "params": data or "",
    }


def process_document(store: Store, row: SystemJob) -> JsonDict | None:
    """The process without its entries; None for one of which nothing is to tell but that it was accepted."""
    newest = entries(store, row)[0]
    if newest.state == "ACCEPTED":
        return None
    return {
        "id": row.id.upper(),
        "lastUpdate": stamp(newest.at),
        "description": newest.description,
        "state": newest.state,
    }


def output_end(store: Store, row: SystemJob, attempt: int) -> str | None:
    """The end of the attempt's output; None when there is none."""
    kept = b""
    for chunk in logs.read(store.database.config.home, row.sequence, attempt):
        kept = (kept + chunk.data)[-TAIL:]
    return kept.decode("utf-8", "replace") or None
