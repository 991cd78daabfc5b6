"""The system jobs that a filter chooses: on a live screen, page by page, and as they change."""

from __future__ import annotations

from collections.abc import Iterator

from jobctl.database import Row
from jobctl.model import SystemJob
from jobctl.records import dataclass
from jobctl.store import Filter, Store


def matches(store: Store, chosen: Filter, row: SystemJob) -> bool:
    """Whether the filter chooses it as it is now."""
    if chosen.tag is not None and chosen.tag not in store.job_version(row.job_version_id).definition.tags:
        return False
    platform_too = chosen.include_platform or chosen.operation_type is not None
    return (
        (not chosen.states or row.state in chosen.states)
        and (not chosen.statuses or row.status in chosen.statuses)
        and (not chosen.reasons or row.reason in chosen.reasons)
        and chosen.job in (None, row.job)
        and (chosen.since is None or row.created_on >= chosen.since)
        and (chosen.until is None or row.created_on <= chosen.until)
        and chosen.token in (None, row.dependency_token)
        and chosen.operation_type in (None, row.operation_type)
        and (platform_too or not row.platform)
        and chosen.owner in (None, row.owner)
        and chosen.message_name in (None, row.message_name)
    )


def pages(store: Store, chosen: Filter, size: int) -> Iterator[list[int]]:
    """Their numbers, the oldest first; those submitted after the first page was asked for are left out."""
    ((through,),) = store.database.run("newest_sequence")
    after = 0
    while True:
        parameters = {**chosen.parameters(), "after": after, "through": through, "limit": size}
        page = [int(sequence) for (sequence,) in store.database.run("chosen_page", parameters)]
        if not page:
            return
        after = page[-1]
        yield page


@dataclass(frozen=True, slots=True)
class Screen:
    """What a screen shows: what runs, then what waits, then what ended last."""

    rows: list[SystemJob]
    running: int
    waiting: int
    """How many of these there are, also where there is no room for all of them."""


def screen(store: Store, chosen: Filter, room: int) -> Screen:
    """The system jobs for so many lines: each that runs, as far as they fit; the others share what is left."""
    with store.snapshot():
        found = store.database.run("screen", {**chosen.parameters(), "limit": room})
        numbers: tuple[list[int], ...] = ([], [], [])
        totals = [0, 0, 0]
        for sequence, kind, total, _ in found:
            numbers[kind].append(sequence)
            totals[kind] = total or 0
        running, waiting, ended = numbers
        left = room - len(running)
        waiting = waiting[: max(left - len(ended), (left + 1) // 2)]
        shown = [*running, *waiting, *ended[: left - len(waiting)]]
        return Screen([store.system_job(sequence) for sequence in shown], totals[0], totals[1])


class Feed:
    """The system jobs a filter chooses, each again whenever it has changed; none is left out for having been quick."""

    def __init__(self, store: Store, chosen: Filter) -> None:
        self.store, self.chosen = store, chosen
        self.marks: dict[int, Row] = {}
        self.seen = 0

    def first(self, limit: int) -> list[SystemJob]:
        """The newest ones, the oldest of them first."""
        with self.store.snapshot():
            self._take()
            return self.store.system_jobs(self.chosen, limit)[::-1]

    def changed(self) -> list[SystemJob]:
        """Those submitted or changed since the last look, in the order of their numbers."""
        with self.store.snapshot():
            before, seen = self.marks, self.seen
            self._take()
            numbers = {sequence for sequence, mark in self.marks.items() if before.get(sequence) != mark}
            numbers |= before.keys() - self.marks.keys()
            numbers |= {sequence for (sequence,) in self._run("submitted_after", sequence=seen)}
            rows = (self.store.find_system_job(sequence) for sequence in sorted(numbers))
            return [row for row in rows if row is not None and matches(self.store, self.chosen, row)]

    def _take(self) -> None:
        self.marks = {row[0]: row[1:] for row in self._run("live_marks")}
        ((self.seen,),) = self._run("newest_sequence")

    def _run(self, name: str, **parameters: int) -> list[Row]:
        return self.store.database.run(name, parameters)
