"""A job with what lists and pages show beside it: its schedule in words, what comes next, what came last."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from jobctl import control
from jobctl.clock import from_datetime, to_datetime
from jobctl.errors import BadInput
from jobctl.model import Job, Plan
from jobctl.output.columns import JobView, Occurrence
from jobctl.schedule import Schedule
from jobctl.schedule.instants import format_local
from jobctl.schedule.zones import zone
from jobctl.store import Store


def job_view(store: Store, job: Job) -> JobView:
    """The job as lists show it."""
    words = None
    if job.plan is not None and job.plan.active:
        try:
            words = control.schedule_of(job.plan).describe()
        except BadInput as error:  # its time zone may have vanished from this machine
            words = f"cannot be read: {error}"
    pending = store.pending_occurrence(job.id)
    return JobView(job, words, pending, store.newest_system_job(job.id, completed=True))


def upcoming(store: Store, job: Job, number: int) -> list[Occurrence]:
    """The next occurrences of the job's schedule, the pending one first; none without an active schedule."""
    plan = job.plan
    if plan is None or not plan.active:
        return []
    pending = store.pending_occurrence(job.id)
    if pending is None or pending.occurrence_at is None:
        return []
    left = number if plan.count is None else min(number, plan.count - plan.fired)
    schedule = control.schedule_of(plan)
    return list(islice(occurrences(schedule, plan.time_zone, pending.occurrence_at), max(left, 0)))


def upcoming_from(plan: Plan, start: int, number: int) -> list[Occurrence]:
    """The occurrences of a stored schedule from instant `start` on."""
    schedule = control.schedule_of(plan)
    first = schedule.first(to_datetime(start))
    if first is None:
        return []
    return list(islice(occurrences(schedule, plan.time_zone, from_datetime(first)), number))


def occurrences(schedule: Schedule, time_zone: str, first: int) -> Iterator[Occurrence]:
    """The occurrence at `first` and all after it, in the zone of the schedule."""
    tz, moment = zone(time_zone), to_datetime(first)
    while True:
        at = from_datetime(moment)
        yield Occurrence(at, f"{format_local(at, tz)} {time_zone}", schedule.note(moment))
        following = schedule.next_after(moment)
        if following is None:
            return
        moment = following
