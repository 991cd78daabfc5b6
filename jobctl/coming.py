"""What is to come of a schedule: one that is only asked about, or that of a job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from jobctl import scheduling
from jobctl.clock import FOREVER, from_datetime, to_datetime
from jobctl.errors import BadInput
from jobctl.output.columns import Occurrence
from jobctl.output.text import until
from jobctl.records import dataclass
from jobctl.saying import say
from jobctl.schedule import Schedule
from jobctl.schedule.instants import format_local
from jobctl.schedule.zones import zone

if TYPE_CHECKING:
    from jobctl.model import Job
    from jobctl.store import Store
    from jobctl.timeline import Bar, Window

TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Coming:
    """The occurrences of one schedule from the first on. Instants are microseconds UTC."""

    schedule: Schedule
    time_zone: str
    first: int | None
    left: int | None = None
    """How many of them still run; None: no limit."""
    pause: tuple[int, int] | None = None
    """From which instant until just before which one they are not run."""
    job: str | None = None
    """Whose they are, where there are several."""

    def occurrences(self) -> Iterator[Occurrence]:
        """One by one; a pause's first one stands for all of them."""
        moment, left = None if self.first is None else to_datetime(self.first), self.left
        while moment is not None and left != 0:
            at = from_datetime(moment)
            end = self.pause[1] if self.pause and self.pause[0] <= at < self.pause[1] else None
            if end is None:
                yield Occurrence(at, self.time_zone, self.schedule.note(moment), self.job)
                left = None if left is None else left - 1
                moment = self.schedule.next_after(moment)
            else:
                note = say("paused {until}", until=until(end, format_local(end, zone(self.time_zone))))
                if end != FOREVER:
                    note = say("{note}, {number} not run", note=note, number=self._planned(at, end))
                yield Occurrence(at, self.time_zone, note, self.job)
                moment = self.schedule.next_after(to_datetime(end) - TICK)

    def counts(self, bounds: Sequence[int]) -> list[int]:
        """How many run in each period between neighbouring instants, which do not decrease; none is visited.

        What lies between now and the first period is counted only where their number is limited.
        """
        found = [0] * (len(bounds) - 1)

        def fill(low: int, high: int, number: int) -> None:
            if high - low == 1:
                found[low] = number
            elif number >= high - low:  # most have some: halving would only count them again and again
                found[low:high] = [self._running(*bounds[place : place + 2]) for place in range(low, high)]
            elif number:
                middle = (low + high) // 2
                part = self._running(bounds[low], bounds[middle])
                fill(low, middle, part)
                fill(middle, high, number - part)

        fill(0, len(found), self._running(bounds[0], bounds[-1]))
        if self.left is None:
            return found
        left = self.left - self.before(bounds[0])
        totals = [min(number, left) for number in accumulate(found, initial=0)]
        return [later - earlier for earlier, later in pairwise(totals)]

    def before(self, instant: int) -> int:
        """How many run before an instant."""
        if self.first is None or instant <= self.first:
            return 0
        found = self._running(self.first, instant)
        return found if self.left is None else min(found, self.left)

    def next_from(self, instant: int) -> int | None:
        """The first one that runs at an instant or after it."""
        later = self.schedule.next_after(to_datetime(instant) - TICK)
        if later is not None and self.pause and self.pause[0] <= from_datetime(later) < self.pause[1]:
            later = self.schedule.next_after(to_datetime(self.pause[1]) - TICK)
        if self.first is None or later is None:
            return None
        found = max(from_datetime(later), self.first)
        return found if self.left is None or self.before(found) < self.left else None

    def _running(self, low: int, high: int) -> int:
        """Number of instants with low <= x < high outside the pause, from the first on, whatever is left of them."""
        if self.first is None:
            return 0
        low = max(low, self.first)
        found = self._planned(low, high)
        return found - (self._planned(max(low, self.pause[0]), min(high, self.pause[1])) if self.pause else 0)

    def _planned(self, low: int, high: int) -> int:
        """Number of instants with low <= x < high."""
        return self.schedule.count_between(to_datetime(low) - TICK, to_datetime(high) - TICK) if low < high else 0


def of_job(store: Store, job: Job, start: int | None = None) -> Coming | None:
    """What is to come of a job's schedule, the pending occurrence first, or all from the instant `start` on.

    None without an active schedule. Raises BadInput when the schedule cannot be read on this machine.
    """
    plan = job.plan
    pending = store.pending_occurrence(job.id)
    first = None if pending is None else pending.occurrence_at
    if plan is None or not plan.active:
        return None
    schedule = scheduling.schedule_of(plan)
    left = None if plan.count is None else max(plan.count - plan.fired, 0)
    pause = None if plan.paused_from is None or plan.paused_until is None else (plan.paused_from, plan.paused_until)
    coming = Coming(schedule, plan.time_zone, first, left, pause)
    if start is None:
        return coming
    moment = schedule.first(to_datetime(start))
    if left is not None and first is not None:
        passed = coming.before(start) if start > first else -coming._planned(start, first)
        left = max(left - passed, 0)
    return Coming(schedule, plan.time_zone, None if moment is None else from_datetime(moment), left, pause)


def foreseen(store: Store, found: Sequence[Bar]) -> Iterator[tuple[str, Coming]]:
    """What is to come of the schedules of the jobs that are shown, without the occurrence that waits already."""
    for name in {bar.name for bar in found if bar.name == bar.job}:
        job = store.find_job(name)
        coming = None if job is None else plan_of(store, job)
        if coming is not None:
            yield name, coming


def plan_of(store: Store, job: Job) -> Coming | None:
    try:
        return of_job(store, job)
    except BadInput:  # its time zone may have vanished from this machine: `list` says so
        return None


def cells_of(coming: Coming, window: Window, cells: int) -> list[int]:
    """The cells after now in which something is to come."""
    bounds = [window.start + (window.end - window.start) * cell // cells for cell in range(cells + 1)]
    first = max(window.cell(window.now, cells), 0)
    if first >= cells:
        return []
    counts = coming.counts([max(bound, window.now) for bound in bounds[first:]])
    return [first + index for index, count in enumerate(counts) if count]
