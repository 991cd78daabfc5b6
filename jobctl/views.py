"""A job with what lists and pages show beside it: its schedule in words, what comes next, what came last."""

from __future__ import annotations

from itertools import islice

from jobctl import scheduling
from jobctl.coming import of_job
from jobctl.errors import BadInput
from jobctl.model import Job
from jobctl.output.columns import JobView, Occurrence
from jobctl.saying import Recorded, say
from jobctl.store import Store


def job_view(store: Store, job: Job) -> JobView:
    """The job as lists show it."""
    words, after_rest = None, None
    pending = store.pending_occurrence(job.id)
    if job.plan is not None and job.plan.active:
        try:
            words = scheduling.schedule_of(job.plan).describe()
            rests = pending is not None and (job.plan.paused_until or 0) > store.clock.now()
            coming = of_job(store, job) if rests else None
            after_rest = None if coming is None else coming.next_from(store.clock.now())
        except BadInput as error:  # its time zone may have vanished from this machine
            words = say("cannot be read: {error}", error=Recorded(error))
    last = store.newest_system_job(job.id, completed=True)
    ran = last if last is None or last.started_on else store.newest_system_job(job.id, completed=True, begun=True)
    return JobView(job, words, pending, last, ran, after_rest, has_ended(store, job))


def has_ended(store: Store, job: Job) -> bool:
    """Whether the job's schedule is over, and the last run it started, too."""
    plan = job.plan
    if plan is None or plan.active:
        return False
    return not any(row.plan == plan.number for row in store.live_system_jobs(job.id))


def upcoming(store: Store, job: Job, number: int) -> list[Occurrence]:
    """The next occurrences of the job's schedule, the pending one first; none without an active schedule."""
    try:
        coming = of_job(store, job)
    except BadInput:  # job_view tells why
        return []
    return [] if coming is None else list(islice(coming.occurrences(), number))
