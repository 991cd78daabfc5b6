"""Why a job or a system job is not running, ran late, or ended as it did: recorded facts, and what would change it.

Nothing is guessed: each sentence tells what a row, an event, or the presence of a daemon shows.
"""

from __future__ import annotations

from jobctl.model import Job, State, SystemJob
from jobctl.store import Store
from jobctl.why.ending import ending
from jobctl.why.facts import Case, Explanation, Fact
from jobctl.why.history import history
from jobctl.why.jobs import about_job
from jobctl.why.standing import standing

__all__ = ["Explanation", "Fact", "why_job", "why_system_job"]


def why_system_job(store: Store, row: SystemJob, now: int) -> Explanation:
    """What holds it now, or how it ended, first; then what happened on its way."""
    case = Case(store, now)
    if row.state is State.COMPLETED:
        return Explanation(row, [*ending(case, row), *history(case, row)])
    facts = standing(case, row)
    return Explanation(row, [*facts, *history(case, row)] if row.state is State.LOCKED else facts)


def why_job(store: Store, job: Job, now: int) -> Explanation:
    """Why it is not running now, when it is next, and what became of the last ones."""
    return Explanation(job, about_job(Case(store, now), job))
