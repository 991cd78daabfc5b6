"""Does everything twice, in the real store and in the books of the design, and compares them after every step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from jobctl import control, scheduling
from jobctl.assignment import Runner
from jobctl.errors import BadInput, Refused
from jobctl.model import Reason, State, Status, SystemJob
from jobctl.processes import Identity
from tests.store.expected import LEGAL_MOVES, SECOND, Illegal, Row, Terms
from tests.store.expected_life import Life, legal
from tests.store.world import Held, World, every, once

STRANGER = Held(Runner("f" * 16, Identity("b", "n", 1, 1), None, -1), 1, 1)
ENDS: dict[str, tuple[Status, Reason | None]] = {
    "end well": (Status.SUCCEEDED, None),
    "fail": (Status.FAILED, Reason.EXIT),
    "fail for good": (Status.FAILED, Reason.SPAWN),
    "stop with the daemon": (Status.CANCELED, Reason.DAEMON_STOPPED),
}
REQUESTS = ("pause", "resume", "cancel", "postpone", "rerun", "delete", "delete --force")
REPORTS = ("begin", *ENDS, "late end", "lose", "hand back", "stand still")
TURNS = ("promote", "promote when due", "claim")
JOB_REQUESTS = ("edit", "remove", "unschedule", "reschedule", "submit")
OPERATIONS = REQUESTS + REPORTS + TURNS + JOB_REQUESTS

Asked = tuple[str, int, int | None, int | None]


class Driver:
    """One world and its books. `reached` counts every (state, operation) that was tried."""

    def __init__(self, world: World, reached: Counter[tuple[str, str]] | None = None) -> None:
        self.world = world
        self.books = Life(world.clock.now())
        self.reached = Counter() if reached is None else reached
        self.instants: dict[tuple[int, int, int], int] = {}
        self.seen: dict[int, SystemJob] = {}
        self.through: dict[int, int] = {}

    # One step

    def step(self, real: Callable[[], Any], expected: Callable[[], Any]) -> bool:
        """Whether the step was legal; both must say the same."""
        before = self.world.dump()
        try:
            real()
        except (Refused, BadInput) as error:
            assert self.world.dump() == before, f"refused, yet something changed: {error}"
            try:
                expected()
            except Illegal:
                return False
            raise AssertionError(f"refused, but the design allows it: {error}") from error
        try:
            expected()
        except Illegal:
            raise AssertionError("accepted, but the design forbids it") from None
        self.check()
        return True

    def tick(self, microseconds: int) -> None:
        self.world.clock.advance(microseconds)
        self.books.now = self.world.clock.now()

    def count(self, operation: str) -> None:
        """For what concerns a whole job or a whole turn: every state there is meets it."""
        for row in self.books.rows.values():
            self.reached[row.label, operation] += 1

    # Jobs and schedules

    def add(self, name: str, terms: Terms) -> None:
        self.step(lambda: self.world.job(name, **fields(terms)), lambda: self.books.add(name, terms))

    def edit(self, name: str, terms: Terms) -> None:
        self.count("edit")
        change = fields(terms)
        self.step(lambda: control.edit_job(self.world.store, name, change), lambda: self.books.edit(name, terms))

    def remove(self, name: str) -> None:
        self.count("remove")
        self.step(lambda: control.remove_job(self.world.store, name), lambda: self.books.remove(name))

    def schedule(self, name: str, asked: Asked, count: int | None = None) -> None:
        planned = plan_of(asked, count)
        self.step(
            lambda: scheduling.schedule(self.world.store, name, planned),
            lambda: self.books.schedule(name, asked, count),
        )

    def reschedule(self, name: str, asked: Asked | None = None, count: int | None = None) -> None:
        self.count("reschedule")
        planned = None if asked is None else plan_of(asked, count)
        self.step(
            lambda: scheduling.reschedule(self.world.store, name, planned),
            lambda: self.books.reschedule(name, asked, count),
        )

    def unschedule(self, name: str) -> None:
        self.count("unschedule")
        self.step(lambda: scheduling.unschedule(self.world.store, name), lambda: self.books.unschedule(name))

    def submit(self, name: str, at: int | None = None) -> int:
        self.count("submit")
        self.step(lambda: control.submit(self.world.store, name, at=at), lambda: self.books.submit(name, at))
        return self.books.last

    # Turns of the daemon

    def promote(self) -> None:
        self.count("promote")
        self.step(self.world.promote, self.books.promote)

    def claim(self) -> int | None:
        self.count("claim")
        taken: list[int | None] = []

        def real() -> None:
            claimed = self.world.claim()
            taken.append(claimed.sequence if claimed else None)

        def expected() -> None:
            row = self.books.claim()
            assert taken[0] == (row.sequence if row else None), f"claimed {taken[0]}"

        self.step(real, expected)
        return taken[0]

    # One system job

    def operate(self, operation: str, sequence: int, delay: int = 600 * SECOND) -> None:
        """Ask it of the system job, or have its runner report it, whatever its state."""
        row = self.books.rows[sequence]
        name = row.job.name
        if operation in JOB_REQUESTS:
            if not row.job.removed:
                getattr(self, operation)(*((name, Terms(retries=7)) if operation == "edit" else (name,)))
        elif operation == "promote when due":
            self.reached[row.label, operation] += 1
            if row.state == "suspended":
                self.tick(max(0, row.due - self.books.now))
            self.promote()
        elif operation in TURNS:
            getattr(self, operation)()
        elif operation in REQUESTS:
            self.reached[row.label, operation] += 1
            self.request(operation, row, delay)
        else:
            self.reached[row.label, operation] += 1
            self.report(operation, row)

    def request(self, operation: str, row: Row, delay: int) -> None:
        store, sequence, until = self.world.store, row.sequence, self.books.now + delay
        if operation == "postpone":
            real: Callable[[], Any] = lambda: control.postpone(store, sequence, until)  # noqa: E731
            expected: Callable[[], Any] = lambda: self.books.postpone(row, until)  # noqa: E731
        elif operation.startswith("delete"):
            force = operation.endswith("--force")
            real = lambda: control.delete(store, sequence, force)  # noqa: E731
            expected = lambda: self.books.delete(row, force)  # noqa: E731
        else:
            real = lambda: getattr(control, operation)(store, sequence)  # noqa: E731
            expected = lambda: getattr(self.books, operation)(row)  # noqa: E731
        self.step(lambda: self.refusal_is_helpful(row, operation, real), expected)

    def refusal_is_helpful(self, row: Row, operation: str, real: Callable[[], Any]) -> None:
        try:
            real()
        except Refused as error:
            told, found, offered = str(error).partition("; legal: ")
            if found:
                assert operation in told and set(offered.split(", ")) == legal(row), str(error)
            else:
                assert operation == "delete" or (operation == "rerun" and row.job.removed), str(error)
            raise

    def report(self, operation: str, row: Row) -> None:
        world, sequence = self.world, row.sequence
        held = world.held.get(sequence, [STRANGER])
        unbegun = row.state == "locked" and not row.begun
        if operation == "late end":
            late = held[-2] if row.process and len(held) > 1 else held[-1] if not row.process else STRANGER
            self.step(lambda: world.end(sequence, held=late), lambda: None)
        elif operation == "lose":
            runner = held[-1].runner
            act = lambda: world.tell(runner, lambda recorder, tx: recorder.bury(tx, runner))  # noqa: E731
            self.step(act, lambda: self.books.runner_gone(row))
        elif operation == "hand back":
            real = lambda: world.report(sequence, "returned", held[-1], sequences=[sequence])  # noqa: E731
            self.step(real, lambda: self.books.hand_back(row))
        else:
            if operation == "begin" or unbegun:
                now = self.books.now
                self.step(lambda: world.report(sequence, "begin", held[-1], at=now), lambda: self.books.begin(row))
            if operation == "stand still":
                held_now = Held(held[-1].runner, row.claim, held[-1].attempt)
                real = lambda: world.report(sequence, "paused", held_now, run_time=1)  # noqa: E731
                self.step(real, lambda: self.books.stands_still(row))
            elif operation != "begin":
                self.end(sequence, *ENDS[operation])

    def end(self, sequence: int, status: Status, reason: Reason | None) -> None:
        row, held = self.books.rows[sequence], self.world.held.get(sequence, [STRANGER])[-1]
        self.step(
            lambda: self.world.end(sequence, status, reason, held=held),
            lambda: self.books.end(row, status.label, reason),
        )

    # What must hold after every step

    def check(self) -> None:
        rows = {row.sequence: row for row in self.world.rows()}
        assert set(rows) == set(self.books.rows), f"there are {sorted(rows)}, not {sorted(self.books.rows)}"
        for sequence, row in rows.items():
            self.same(row, self.books.rows[sequence])
            self.moved_legally(self.seen.get(sequence), row)
            self.remember_instant(row)
        self.tokens(rows)
        for job in self.world.store.jobs():
            self.plan(job.id, job.name)
        self.seen = rows

    def same(self, row: SystemJob, expected: Row) -> None:
        timed = expected.state == "suspended" and expected.reason in ("scheduled", "postponed", "retrying")
        found = {
            "state": (row.state.label, row.status.label, row.reason),
            "token": (row.dependency_token, row.token_seq is not None, row.blocked_by),
            "planned": (row.plan, row.occurrence_at, row.dropped),
            "due": row.due_at if timed else None,
            "counts": (row.claim, row.attempt, row.retry_count, row.lost_count, row.priority),
            "process": (row.runner_id is not None, row.delete_requested),
            "begun": row.started_on is not None if expected.process else None,
            "ready": row.ready_on,
        }
        books = {
            "state": (expected.state, expected.status, expected.reason),
            "token": (expected.token, expected.joined, self.books.blocked_by(expected)),
            "planned": (expected.plan, expected.occurrence, expected.dropped),
            "due": expected.due if timed else None,
            "counts": (expected.claim, expected.attempt, expected.retries, expected.losses, expected.priority),
            "process": (expected.process, expected.doomed),
            "begun": expected.begun if expected.process else None,
            "ready": expected.ready_on,
        }
        assert found == books, f"#{row.sequence} of {row.job}"

    def moved_legally(self, before: SystemJob | None, after: SystemJob) -> None:
        if before is None:
            return
        assert unmoved(before, after) or after.state.label in LEGAL_MOVES[before.state.label], f"{before} → {after}"
        assert after.claim >= before.claim and after.attempt >= before.attempt
        assert after.occurrence_at == before.occurrence_at

    def remember_instant(self, row: SystemJob) -> None:
        if row.plan is not None and row.occurrence_at is not None:
            key = (row.job_id, row.plan, row.occurrence_at)
            assert self.instants.setdefault(key, row.sequence) == row.sequence, f"{key} has happened before"

    def tokens(self, rows: dict[int, SystemJob]) -> None:
        """One holder for each token: the uncompleted one that joined first; nobody else has begun."""
        queues: dict[str, list[SystemJob]] = {}
        for row in rows.values():
            if row.dependency_token and row.token_seq is not None and row.state is not State.COMPLETED:
                queues.setdefault(row.dependency_token, []).append(row)
        for queue in queues.values():
            queue.sort(key=lambda row: row.token_seq or 0)
            behind = [None, *(row.sequence for row in queue)]
            assert [row.blocked_by for row in queue] == behind[: len(queue)]
            assert not any(row.has_process for row in queue[1:])

    def plan(self, job_id: int, name: str) -> None:
        plan, expected = self.world.store.plan(job_id), self.books.jobs[name].plan
        assert (plan is None) == (expected is None)
        if plan is None or expected is None:
            return
        found = (plan.number, plan.active, plan.ended_by, plan.fired, plan.planned_through, plan.count)
        books = (expected.number, expected.active, expected.ended_by, expected.fired, expected.through, expected.count)
        assert found == books, f"the plan of {name}"
        through = self.through.get(job_id)
        assert through is None or (plan.planned_through is not None and plan.planned_through >= through)
        if plan.planned_through is not None:
            self.through[job_id] = plan.planned_through
        assert plan.count is None or plan.fired <= plan.count
        pending = len(self.books.pending(self.books.jobs[name]))
        assert pending <= plan.active, "one occurrence of an active schedule is scheduled, none of an ended one"


def unmoved(before: SystemJob, after: SystemJob) -> bool:
    """Whether it is as it was; its neighbours in the token's queue may have moved."""
    return after == replace(before, blocked_by=after.blocked_by)


def fields(terms: Terms) -> dict[str, Any]:
    return {
        "token": terms.token,
        "priority": terms.priority,
        "retries": terms.retries,
        "retry_delay": terms.delay,
        "retry_backoff": terms.backoff,
        "on_lost": terms.on_lost,
    }


def plan_of(asked: Asked, count: int | None) -> scheduling.Planned:
    kind, number, start, end = asked
    if kind == "once":
        return scheduling.Planned(once(number).spec, "UTC", start, end, count)
    return every(f"{number // SECOND}s", start, end, count)
