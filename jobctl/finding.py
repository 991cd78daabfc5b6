"""Which system job a person means by a number, a job's name, or the beginning of an id."""

from __future__ import annotations

import re
from collections.abc import Mapping

from jobctl.errors import BadInput, JobNotFound, NotFound, Refused, SystemJobNotFound
from jobctl.model import Reason, State, SystemJob
from jobctl.store import Store

RANKS: Mapping[str, tuple[frozenset[str], ...]] = {
    verb: tuple(frozenset(rank.split()) for rank in ranks)
    for verb, ranks in {
        "pause": ("locked", "paused", "retrying", "ready"),
        "cancel": ("locked", "paused canceling", "retrying held", "ready"),
        "wait": ("locked", "paused canceling", "retrying held", "ready"),
        "after": ("locked", "paused canceling", "retrying held", "ready"),
        "follow": ("locked", "paused canceling", "retrying held", "ready"),
        "logs": ("locked", "paused canceling", "retrying held"),
        "resume": ("paused", "held", "retrying", "postponed", "scheduled"),
        "postpone": ("scheduled", "postponed", "ready", "locked"),
        "cancel-next": ("scheduled", "postponed"),
    }.items()
}
"""Which of a job's system jobs a NAME means, by verb: those in the first rank that has any."""


def resolve(store: Store, text: str, verb: str) -> SystemJob:
    """The system job that `text` means: a number, a job's name, or the beginning of an id (`id:…`).

    Raises SystemJobNotFound, JobNotFound, or BadInput when several fit.
    """
    if re.fullmatch("[0-9]+", text, re.ASCII):
        return store.system_job(int(text[:20]))
    if not text.startswith("id:"):
        job_id = store.job_id(text)
        if job_id is not None and verb != "show":
            return _of_job(store, job_id, text, verb)
    prefix = text.removeprefix("id:").lower()
    if re.fullmatch("[0-9a-f]{8,32}", prefix):
        return _by_prefix(store, prefix)
    if text.startswith("id:"):
        raise BadInput(f"{text!r} is not the beginning of an id: at least 8 hexadecimal digits")
    raise JobNotFound(text, store.job_names())


def _by_prefix(store: Store, prefix: str) -> SystemJob:
    numbers = store.system_job_by_hex(prefix)
    if not numbers:
        raise SystemJobNotFound(f"with an id beginning {prefix}")
    if len(numbers) > 1:
        raise BadInput(f"several system jobs have an id beginning {prefix}, {numbers[0]} and {numbers[1]} among them")
    return store.system_job(numbers[0])


def _of_job(store: Store, job_id: int, name: str, verb: str) -> SystemJob:
    if verb == "delete":
        raise BadInput(f"delete needs the number of a system job; see: jobctl monitor --job {name}")
    if verb == "rerun":
        found = store.newest_system_job(job_id, completed=True)
    else:
        live = store.live_system_jobs(job_id)
        for rank in RANKS[verb]:
            fitting = [row for row in live if _kind(row) in rank]
            if len(fitting) > 1 and rank != {"scheduled"}:
                numbers = ", ".join(str(row.sequence) for row in fitting)
                raise BadInput(f"several system jobs of {name!r} could be meant: {numbers}; name one by its number")
            if fitting:
                first = min(fitting, key=lambda row: row.due_at)
                if verb == "resume":
                    _alone(live, first, name)
                return first
        found = store.newest_system_job(job_id, begun=True) if verb == "logs" else None
        found = store.newest_system_job(job_id, completed=True) if verb == "after" else found
    if found is None:
        raise NotFound(_nothing_to(store, job_id, name, verb))
    return found


def _alone(live: list[SystemJob], found: SystemJob, name: str) -> None:
    """Resumed a second time, a name does not mean the next one in line: beside one that goes on, only a number does."""
    going = [row for row in live if row.state in (State.READY, State.LOCKED)]
    if going and _kind(found) not in ("paused", "held"):
        status = going[0].status.label.replace("_", " ")
        raise Refused(
            f"system job {going[0].sequence} of {name!r} goes on already ({status});"
            f" to start {found.sequence} ({found.reason}) beside it: jobctl resume {found.sequence}"
        )


def _nothing_to(store: Store, job_id: int, name: str, verb: str) -> str:
    words = f"job {name!r} has no system job to {'wait for' if verb == 'wait' else verb.removesuffix('-next')}"
    pending = store.pending_occurrence(job_id)
    if pending is not None and verb in ("cancel", "wait"):
        hint = f"jobctl cancel --next {name}" if verb == "cancel" else f"jobctl wait {pending.sequence}"
        return f"{words}; its next occurrence is {pending.sequence}: {hint}"
    newest = store.newest_system_job(job_id, completed=True)
    return words if newest is None else f"{words}; its newest is {newest.sequence}, {newest.status.label}"


def _kind(row: SystemJob) -> str:
    if row.state is State.SUSPENDED:
        return "paused" if row.has_process and row.reason is Reason.POSTPONED else str(row.reason)
    return row.state.label
