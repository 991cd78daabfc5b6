"""What the design says the state should be, worked out without the package: its words, none of its code."""

from __future__ import annotations

from dataclasses import dataclass, field

SECOND = 1_000_000
MINUTE = 60 * SECOND

NEVER_RETRIED = {"spawn", "import", "arguments", "result_too_large"}
TIMED = {"scheduled", "postponed", "retrying"}
LEGAL_MOVES: dict[str, set[str]] = {
    "ready": {"suspended", "locked", "completed"},
    "suspended": {"suspended", "ready", "completed"},
    "locked": {"locked", "ready", "suspended", "completed"},
    "completed": set(),
}


class Illegal(Exception):
    """The request must be refused and change nothing."""


@dataclass
class Terms:
    """What a version of a job says about retries, losses and order."""

    token: str | None = None
    priority: int = 0
    retries: int = 0
    delay: float = 10.0
    backoff: float = 1.0
    on_lost: str = "fail"


@dataclass
class Calendar:
    """Every `step` from `anchor`, or only `anchor` when there is no step; nothing after `end`."""

    anchor: int
    step: int | None = None
    end: int | None = None

    def within(self, instant: int) -> int | None:
        return None if self.end is not None and instant > self.end else instant

    def from_(self, instant: int) -> int | None:
        if instant <= self.anchor:
            return self.within(self.anchor)
        if self.step is None:
            return None
        return self.within(self.anchor - (self.anchor - instant) // self.step * self.step)

    def up_to(self, instant: int) -> int | None:
        """The last one not after `instant`."""
        if instant < self.anchor:
            return None
        limit = instant if self.end is None else min(instant, self.end)
        return self.anchor if self.step is None else self.anchor + (limit - self.anchor) // self.step * self.step


@dataclass
class Plan:
    number: int
    calendar: Calendar
    count: int | None
    through: int | None
    asked: tuple[str, int, int | None, int | None]
    """Kind, step or instant, start, end: what `reschedule` without a schedule repeats."""
    fired: int = 0
    active: bool = True
    ended_by: str | None = None
    greatest: int | None = None
    """The latest instant that ever had a system job."""


@dataclass
class Job:
    name: str
    terms: Terms
    plan: Plan | None = None
    removed: bool = False


@dataclass
class Row:
    """One system job. `process`: a runner has it; `begun`: an attempt has begun and not ended."""

    sequence: int
    job: Job
    token: str | None
    priority: int
    state: str = "ready"
    status: str = "waiting_for_resources"
    reason: str | None = None
    due: int = 0
    plan: int | None = None
    occurrence: int | None = None
    joined: bool = False
    ready_on: int | None = None
    terms: Terms = field(default_factory=Terms)
    process: bool = False
    begun: bool = False
    started: int | None = None
    until: int | None = None
    """While a pause is under way: the instant at which it ends by itself."""
    claim: int = 0
    attempt: int = 0
    retries: int = 0
    losses: int = 0
    dropped: int | None = None
    doomed: bool = False
    """To be deleted once its processes are gone."""

    @property
    def label(self) -> str:
        """State and reason, told apart by what a person could tell apart."""
        if self.state == "completed":
            return self.status if self.reason is None else f"{self.status}/{self.reason}"
        name = {"ready": "ready", "suspended": self.reason or "", "locked": self.status}[self.state]
        if name == "scheduled" and self.plan is None:
            name = "submitted"
        if self.state == "locked":
            return f"{name}+begun" if self.begun else name
        return f"{name}+process" if self.process else name


class Books:
    """The whole state as the design has it, and every operation on it."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.jobs: dict[str, Job] = {}
        self.rows: dict[int, Row] = {}
        self.queues: dict[str, list[int]] = {}
        self.last = 0

    # Small words

    def live(self, job: Job) -> list[Row]:
        return [row for row in self.rows.values() if row.job is job and row.state != "completed"]

    def pending(self, job: Job) -> list[Row]:
        return [row for row in self.live(job) if row.plan is not None and row.reason == "scheduled"]

    def blocked_by(self, row: Row) -> int | None:
        if not row.joined or row.token is None or row.state == "completed":
            return None
        queue = self.queues[row.token]
        place = queue.index(row.sequence)
        return queue[place - 1] if place else None

    def new(self, job: Job, **values: object) -> Row:
        self.last += 1
        row = Row(self.last, job, job.terms.token, job.terms.priority, terms=job.terms, due=self.now)
        for name, value in values.items():
            setattr(row, name, value)
        self.rows[row.sequence] = row
        return row

    def join(self, row: Row) -> None:
        if row.token is not None and not row.joined:
            row.joined = True
            self.queues.setdefault(row.token, []).append(row.sequence)

    def join_planned(self) -> None:
        waiting = [row for row in self.rows.values() if row.state == "suspended" and not row.joined and row.token]
        passed = [(row.occurrence, row.sequence) for row in waiting if row.occurrence is not None]
        for occurrence, sequence in sorted(passed):
            if occurrence <= self.now:
                self.join(self.rows[sequence])

    def before_joining(self, token: str | None) -> None:
        """Before anybody joins a token's queue, gaps are closed, and what was planned before takes its place."""
        if token is not None:
            for row in self.due():
                if row.token is not None:
                    self.close_gap(row)
        self.join_planned()

    def leave(self, row: Row) -> None:
        if row.joined and row.token is not None and row.sequence in self.queues[row.token]:
            self.queues[row.token].remove(row.sequence)

    def suspend(self, row: Row, reason: str, due: int | None = None) -> None:
        row.state, row.status, row.reason = "suspended", "waiting", reason
        row.due = row.due if due is None else due

    def complete(self, row: Row, status: str, reason: str | None) -> None:
        row.state, row.status, row.reason = "completed", status, reason
        row.process = row.begun = False
        self.leave(row)

    def gone(self, row: Row) -> None:
        self.leave(row)
        del self.rows[row.sequence]

    # Definitions and plans

    def add(self, name: str, terms: Terms) -> None:
        if name in self.jobs:
            raise Illegal
        self.jobs[name] = Job(name, terms)

    def edit(self, name: str, terms: Terms) -> None:
        job = self.jobs[name]
        if job.terms == terms:
            return
        job.terms = terms
        for row in self.pending(job):
            if not row.joined:
                row.token, row.priority = terms.token, terms.priority

    def remove(self, name: str) -> None:
        job = self.jobs[name]
        if any(row.process or row.reason == "paused" for row in self.live(job)):
            raise Illegal
        self.end_plan(job)
        for row in self.live(job):
            self.complete(row, "canceled", "user")
        job.removed = True
        del self.jobs[name]

    def end_plan(self, job: Job) -> None:
        plan = job.plan
        if plan is None or not plan.active:
            return
        plan.active, plan.ended_by = False, "unscheduled"
        for row in self.live(job):
            waits = row.state == "suspended" and row.reason in ("scheduled", "postponed")
            if row.plan == plan.number and waits and not row.process and row.attempt == 0:
                self.complete(row, "canceled", "unscheduled")

    def unschedule(self, name: str) -> None:
        job = self.jobs[name]
        if job.plan is None or not job.plan.active:
            raise Illegal
        self.end_plan(job)

    def schedule(self, name: str, asked: tuple[str, int, int | None, int | None], count: int | None) -> None:
        job = self.jobs[name]
        if job.plan is not None and job.plan.active:
            raise Illegal
        self.check_plan(job, asked)
        self.set_plan(job, asked, count)

    def reschedule(
        self, name: str, asked: tuple[str, int, int | None, int | None] | None, count: int | None = None
    ) -> None:
        job = self.jobs[name]
        if asked is None:
            if job.plan is None:
                raise Illegal
            asked, count = job.plan.asked, job.plan.count
            if asked[0] == "once" and asked[1] <= self.now:
                asked = ("once", self.now, asked[2], asked[3])
        self.check_plan(job, asked)
        self.end_plan(job)
        self.set_plan(job, asked, count)

    def calendar(self, asked: tuple[str, int, int | None, int | None]) -> Calendar:
        kind, number, start, end = asked
        if kind == "once":
            return Calendar(number, None, end)
        return Calendar(self.now if start is None else start, number, end)

    def first(self, job: Job, asked: tuple[str, int, int | None, int | None]) -> int | None:
        calendar = self.calendar(asked)
        first = calendar.within(calendar.anchor) if asked[0] == "once" else calendar.from_(self.now)
        through = job.plan.through if job.plan else None
        if first is not None and through is not None and first <= through:
            first = calendar.from_(through + 1)
        return first

    def check_plan(self, job: Job, asked: tuple[str, int, int | None, int | None]) -> None:
        kind, number, start, end = asked
        if end is not None and (end < self.now or (start is not None and end < start)):
            raise Illegal
        if kind == "once" and start is not None and number < start:
            raise Illegal
        if self.first(job, asked) is None:
            raise Illegal

    def set_plan(self, job: Job, asked: tuple[str, int, int | None, int | None], count: int | None) -> None:
        first, old = self.first(job, asked), job.plan
        assert first is not None
        through = old.through if old else None
        job.plan = Plan(old.number + 1 if old else 1, self.calendar(asked), count, through, asked)
        self.plan_at(job, first)

    def plan_at(self, job: Job, instant: int) -> Row:
        assert job.plan is not None
        job.plan.greatest = max(instant, job.plan.greatest or instant)
        row = self.new(job, due=instant, occurrence=instant, plan=job.plan.number)
        self.suspend(row, "scheduled")
        return row

    def follow(self, row: Row) -> None:
        """The next occurrence of an active schedule always exists, unless the schedule is spent."""
        job, plan = row.job, row.job.plan
        if row.plan is None or plan is None or row.plan != plan.number or not plan.active or self.pending(job):
            return
        open_ = [r for r in self.live(job) if r.plan == plan.number and r.state == "suspended" and r.ready_on is None]
        after = max(instant for instant in (row.occurrence, plan.through, plan.greatest) if instant is not None)
        following = plan.calendar.from_(after + 1)
        if following is not None and (plan.count is None or plan.fired + len(open_) < plan.count):
            self.plan_at(job, following)
        elif not open_:
            plan.active, plan.ended_by = False, "finished"

    # Time

    def due(self) -> list[Row]:
        found = [r for r in self.rows.values() if r.state == "suspended" and r.reason in TIMED and r.due <= self.now]
        return sorted(found, key=lambda row: (row.due, row.sequence))

    def promote(self) -> None:
        for row in self.due():
            self.close_gap(row)
        self.join_planned()
        while due := self.due():
            row = due[0]
            if row.plan is not None and row.reason == "scheduled":
                self.decide(row)
            else:
                self.make_ready(row)

    def active(self, row: Row) -> bool:
        """Whether another one of the schedule is ready, locked, paused, retrying or held."""
        for other in self.live(row.job):
            if other is row or other.plan is None:
                continue
            if other.state != "suspended" or other.process or other.reason in ("paused", "retrying", "held"):
                return True
        return False

    def has_gap(self, row: Row) -> bool:
        """Whether later instants of its schedule have passed, too, and it was missed."""
        plan = row.job.plan
        if row.plan is None or plan is None or row.occurrence is None or row.reason != "scheduled":
            return False
        latest = plan.calendar.up_to(self.now)
        return self.now - row.due > MINUTE and latest is not None and latest > row.occurrence

    def close_gap(self, row: Row) -> None:
        """One run for all instants that were missed, and a record of the others."""
        plan = row.job.plan
        if row.plan is None or plan is None or row.occurrence is None or row.reason != "scheduled":
            return
        latest = plan.calendar.up_to(self.now)
        if self.has_gap(row) and latest is not None:
            row.dropped = (latest - row.occurrence) // (plan.calendar.step or 1)
            self.pass_(row)
            plan.through = row.occurrence + (row.dropped - 1) * (plan.calendar.step or 1)
            self.complete(row, "canceled", "missed")
            self.plan_at(row.job, latest)

    def decide(self, row: Row) -> None:
        if self.active(row):
            self.pass_(row)
            self.complete(row, "canceled", "overlap")
            self.follow(row)
        else:
            self.make_ready(row)

    def pass_(self, row: Row) -> None:
        plan = row.job.plan
        assert plan is not None and row.occurrence is not None
        plan.through = max(row.occurrence, plan.through or row.occurrence)

    def make_ready(self, row: Row) -> None:
        if row.plan is not None and row.ready_on is None:
            self.pass_(row)
            if row.job.plan is not None and row.job.plan.number == row.plan:
                row.job.plan.fired += 1
        self.join(row)
        row.state, row.status, row.reason, row.ready_on = "ready", "waiting_for_resources", None, self.now
        self.follow(row)
