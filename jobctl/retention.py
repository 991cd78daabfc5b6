"""What of history goes by itself: system jobs by their age and by their jobs' rules, output by its size.

The daemon only looks whether anything has to go, and submits a system job of jobctl's own that deletes it; where
nothing has to go, there is none. A job's own rule (`--keep N`, `--keep D`) takes the place of the general ages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from jobctl.clock import MICROSECONDS, Clock
from jobctl.config import Config
from jobctl.errors import BadInput
from jobctl.logs import SEGMENT
from jobctl.model import OPERATION_DELETION_SERVICE, Definition, JsonDict, Status
from jobctl.records import dataclass
from jobctl.rows import definition_text
from jobctl.schedule.instants import parse_duration
from jobctl.store import Store, Transaction

JOB: Final = "jobctl:retention"
"""The job under which the passes are kept; no job of a person can have this name."""
INTERVAL: Final = 3600.0
"""Seconds between two looks."""
SETTLED: Final = 60 * MICROSECONDS
"""How long a success that is not kept can still be asked for."""
KEPT_OF_ATTEMPT: Final = 3 * SEGMENT
"""Bytes of an attempt's output that are on the disk at most."""
PAGE: Final = 1000
LOOK: Final = 10_000
"""Rows that one look reads at most."""
MOST_KEPT: Final = 100_000
BEGINNING: Final = -(2**63)
END: Final = 2**63 - 1

UNITS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
SIZE: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?) ?([kmgt]?)(?:i?b)?", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Rules:
    """What is kept of all jobs; None: without limit."""

    completed: int | None
    """Microseconds for which those that succeeded or were canceled are kept."""
    failed: int | None
    logs: int | None
    """Bytes of output in all; beyond it, that of those which ended longest ago goes."""

    @classmethod
    def read(cls, config: Config) -> Rules:
        """As the settings say. Raises BadInput naming the variable."""
        return cls(
            _setting("JOBCTL_RETENTION", config.retention, _age),
            _setting("JOBCTL_RETENTION_FAILED", config.retention_failed, _age),
            _setting("JOBCTL_RETENTION_LOGS", config.retention_logs, parse_size),
        )

    @classmethod
    def of(cls, document: JsonDict) -> Rules:
        completed, failed = (
            None if age is None else round(age * MICROSECONDS) for age in (document["completed"], document["failed"])
        )
        return cls(completed, failed, document["logs"])

    def document(self) -> JsonDict:
        """As the data of a pass holds it; ages are seconds."""
        ages = {"completed": self.completed, "failed": self.failed}
        return {name: None if age is None else age / MICROSECONDS for name, age in ages.items()} | {"logs": self.logs}

    def bounds(self, now: int) -> dict[str, int]:
        """The instants of completion before which all goes that no job's rule keeps."""
        completed = BEGINNING if self.completed is None else now - self.completed
        failed = BEGINNING if self.failed is None else now - self.failed
        return {"completed_before": completed, "failed_before": failed, "before": max(completed, failed), "now": now}


def _setting(name: str, text: str, parse: Any) -> int | None:
    if text.strip().lower() == "off":
        return None
    try:
        found: int = parse(text)
        return found
    except BadInput as error:
        raise BadInput(f"{name}: {error}; or off") from None


def _age(text: str) -> int:
    return round(parse_duration(text).total_seconds() * MICROSECONDS)


def parse_size(text: str) -> int:
    """Bytes, with K, M, G or T for powers of 1024. Raises BadInput."""
    match = SIZE.fullmatch(text.strip())
    if match is None:
        raise BadInput(f"{text!a} is no size; write 500M, 1G, or a number of bytes")
    return int(float(match[1]) * UNITS[match[2].lower()])


@dataclass(frozen=True, slots=True)
class Keep:
    """What a job's `--keep` says; without either of the last two, the general ages hold."""

    successes: bool = True
    newest: int | None = None
    """How many completed ones."""
    younger: int | None = None
    """Microseconds since their end."""

    @property
    def own(self) -> bool:
        """Whether it takes the place of the general ages."""
        return self.newest is not None or self.younger is not None


def parse_keep(text: str) -> Keep:
    """`all`, `failed`, a number, or a duration. Raises BadInput."""
    clean = text.strip()
    if clean in ("all", "failed"):
        return Keep(successes=clean == "all")
    if clean.isascii() and clean.isdigit():
        if not 1 <= len(clean) <= 9 or not 1 <= int(clean) <= MOST_KEPT:
            raise BadInput(f"the number of system jobs to keep is from 1 to {MOST_KEPT}, not {clean[:20]}")
        return Keep(newest=int(clean))
    try:
        return Keep(younger=_age(text))
    except BadInput:
        raise BadInput(f"{text!a} is nothing to keep: write all, failed, a number, or a duration as 30d") from None


def keep_rules(store: Store) -> dict[int, Keep]:
    """The jobs that say what of theirs is kept."""
    return {job_id: parse_keep(text) for job_id, text in store.database.run("keep_rules")}


def own_rules(rules: dict[int, Keep]) -> list[int]:
    return [job_id for job_id, keep in rules.items() if keep.own]


# What goes


def chosen(store: Store, rules: Rules, now: int) -> Iterator[list[int]]:
    """The numbers of the system jobs that go, in pages."""
    of_jobs = keep_rules(store)
    yield from pages(store, "aged_page", **rules.bounds(now), own=json.dumps(own_rules(of_jobs)))
    for job_id, keep in of_jobs.items():
        yield from _of_job(store, job_id, keep, now)


def _of_job(store: Store, job_id: int, keep: Keep, now: int) -> Iterator[list[int]]:
    through, before, status = END, END, None
    if keep.newest is not None:
        through = _beyond(store, job_id, keep.newest)
    elif keep.younger is not None:
        before = now - keep.younger
    elif not keep.successes:
        before, status = now - SETTLED, Status.SUCCEEDED
    else:
        return
    yield from pages(store, "job_page", job_id=job_id, through=through, before=before, status=status, now=now)


def _beyond(store: Store, job_id: int, number: int) -> int:
    rows = store.database.run("beyond_newest", {"job_id": job_id, "number": number})
    return int(rows[0][0]) if rows else 0


def pages(store: Store, statement: str, **parameters: Any) -> Iterator[list[int]]:
    """What a paging statement marks, page by page; each page is a short read of its own."""
    at, after = BEGINNING, 0
    while rows := store.database.run(statement, {**parameters, "at": at, "after": after, "size": PAGE}):
        after, at, _ = rows[-1]
        if marked := [sequence for sequence, _, mark in rows if mark]:
            yield marked


def logs_on_disk(store: Store) -> Iterator[list[tuple[int, int]]]:
    """The numbers of the completed ones with output and how many bytes of it are kept, in pages, oldest first."""
    at, after = BEGINNING, 0
    while rows := store.database.run("log_page", {"at": at, "after": after, "size": PAGE, "kept": KEPT_OF_ATTEMPT}):
        after, at, _ = rows[-1]
        if found := [(sequence, size) for sequence, _, size in rows if size]:
            yield found


# Whether anything has to go


class Watch:
    """Looks once an hour whether a pass is due; bounded, however long history is."""

    def __init__(self, rules: Rules, clock: Clock) -> None:
        self.rules = rules
        self.clock = clock
        self.next_look = -INTERVAL
        self.due = False
        self.logs = Logs()

    def look(self, store: Store) -> bool:
        """Whether a pass is due; most of the time without asking the store."""
        if not self.due and self.clock.monotonic() >= self.next_look:
            self.next_look = self.clock.monotonic() + INTERVAL
            with store.snapshot():
                self.due = self._something(store, self.clock.now())
        return self.due

    def put_off(self) -> None:
        """Not before an hour from now: the clock has jumped, and all ages may be wrong."""
        self.due, self.next_look = False, self.clock.monotonic() + INTERVAL

    def submit(self, tx: Transaction) -> int:
        """Submit the pass that is due, unless one is under way; whether one was due."""
        due, self.due = self.due, False
        if due:
            job_id = tx.job_id(JOB)
            if job_id is None or not tx.live_system_jobs(job_id):
                submit(tx, self.rules)
        return int(due)

    def _something(self, store: Store, now: int) -> bool:
        of_jobs = keep_rules(store)
        # Its own passes are no reason for another one.
        own = [*own_rules(of_jobs), store.job_id(JOB) or 0]
        parameters = {**self.rules.bounds(now), "own": json.dumps(own), "size": LOOK}
        ((aged,),) = store.database.run("something_aged", parameters)
        return (
            bool(aged)
            or any(_something_of_job(store, job_id, keep, now) for job_id, keep in of_jobs.items())
            or (self.rules.logs is not None and self._logs(store) > self.rules.logs)
        )

    def _logs(self, store: Store) -> int:
        """Bytes of output at most: what the last pass left, and what came since."""
        left = last_pass(store)
        self.logs, more = grown(store, left if left.through > self.logs.through else self.logs)
        if more:  # at the next turn, so that nobody waits for all of it
            self.next_look = self.clock.monotonic()
        return self.logs.size


def _something_of_job(store: Store, job_id: int, keep: Keep, now: int) -> bool:
    if keep.newest is not None:
        return _beyond(store, job_id, keep.newest) > 0
    if keep.younger is not None:
        statement, before = "aged_of_job", now - keep.younger
    else:
        statement, before = "succeeded_of_job", now - SETTLED
    ((found,),) = store.database.run(statement, {"job_id": job_id, "before": before, "now": now, "size": LOOK})
    return bool(found)


@dataclass(frozen=True, slots=True)
class Logs:
    """Bytes of output there are at most, of what was completed by an instant."""

    size: int = 0
    through: int = BEGINNING


def grown(store: Store, logs: Logs) -> tuple[Logs, bool]:
    """With what came since; and whether there is more than one look reads."""
    parameters = {"since": logs.through, "kept": KEPT_OF_ATTEMPT, "size": LOOK}
    ((size, rows, through),) = store.database.run("log_growth", parameters)
    return Logs(logs.size + size, logs.through if through is None else through), rows == LOOK


def last_pass(store: Store) -> Logs:
    """The output that the last pass left."""
    job_id = store.job_id(JOB)
    rows = [] if job_id is None else store.database.run("last_pass", {"job_id": job_id})
    result = json.loads(rows[0][0]) if rows and rows[0][0] else {}
    return Logs(result.get("logs_left", 0), result.get("logs_through", BEGINNING))


def submit(tx: Transaction, rules: Rules) -> None:
    """A pass, as a system job of jobctl's own: below all others, and nobody's to pause or cancel."""
    definition = Definition(
        internal="bulk_delete", settings={"name": "retention", "rules": rules.document()}, priority=-1000
    )
    job_id = tx.job_id(JOB) or tx.insert_job(JOB)
    same = tx.database.run("same_version", {"job_id": job_id, "definition": definition_text(definition)})
    version_id = int(same[0][0]) if same else tx.insert_job_version(job_id, definition)
    tx.insert_system_job(
        tx.job_version(version_id),
        name="retention",
        message_name="schedule",
        operation_type=OPERATION_DELETION_SERVICE,
        platform=True,
        ready_on=tx.now,
        actor=tx.id_of("jobctl"),
        owner="jobctl",
    )
