"""The states, statuses, reasons and moves: the same in the model, in the database and in the design."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import product
from typing import Any

import apsw
import pytest

from jobctl.model import FINAL, MOVES, REASONS, Reason, State, Status
from tests.store.expected import LEGAL_MOVES
from tests.store.world import START, World

REASON_TEXTS = (None, *Reason, "waiting", "")
CODES = range(-1, 40)


@pytest.fixture
def insert(world: World) -> Callable[..., int]:
    """Puts a row into the table by raw SQL; its number."""
    world.job()
    number = iter(range(1_000, 10_000_000))

    def insert_row(**columns: Any) -> int:
        sequence = next(number)
        state = columns.get("state", 0)
        values = {
            "sequence": sequence,
            "id": os.urandom(16),
            "job_id": 1,
            "job_version_id": 1,
            "name": "x",
            "state": 0,
            "status": 0,
            "message_name": "run",
            "due_at": 0,
            "created_on": 0,
            "created_by": 1,
            "modified_on": 0,
            "modified_by": 1,
            "owner": 1,
            "completed_on": 1 if state == 3 else None,
            "runner_id": "r" if state == 2 or columns.get("reason") == "canceling" else None,
            **columns,
        }
        names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
        world.store.database.connection.execute(f"INSERT INTO system_jobs ({names}) VALUES ({marks})", values)
        return sequence

    return insert_row


def refused(act: Callable[[], object]) -> bool:
    try:
        act()
    except apsw.ConstraintError:
        return True
    return False


def test_every_status_belongs_to_one_state_and_the_reasons_are_split_among_them() -> None:
    assert {status.state for status in Status} == set(State)
    given = [reason for reasons in REASONS.values() for reason in reasons]
    assert sorted(given) == sorted(Reason), "each reason belongs to exactly one status"
    assert set(REASONS) == set(Status)


def test_the_codes_are_those_of_the_design() -> None:
    assert {status.label: int(status) for status in Status} == {
        "waiting_for_resources": 0,
        "waiting": 10,
        "in_progress": 20,
        "pausing": 21,
        "canceling": 22,
        "succeeded": 30,
        "failed": 31,
        "canceled": 32,
    }


def test_the_moves_are_those_of_the_design() -> None:
    for before, after in product(State, State):
        legal = after.label in LEGAL_MOVES[before.label]
        assert (after in MOVES[before]) == legal, f"{before.label} → {after.label}"
    assert {State.COMPLETED} == FINAL


def test_the_database_takes_just_the_triples_of_the_model(insert: Callable[..., int]) -> None:
    tried = 0
    for state, status, reason in product(range(-1, 5), CODES, REASON_TEXTS):
        known = status in list(Status)
        legal = known and Status(status).state == state
        reasons = REASONS[Status(status)] if known else frozenset()
        legal = legal and (reason in reasons if reasons else reason is None)
        text = None if reason is None else str(reason)
        took = not refused(lambda: insert(state=state, status=status, reason=text))  # noqa: B023
        assert took == legal, f"state {state}, status {status}, reason {reason}"
        tried += 1
    assert tried == 6 * len(CODES) * len(REASON_TEXTS)


SAMPLES: dict[State, dict[str, Any]] = {
    State.READY: {"state": 0, "status": 0, "reason": None, "completed_on": None},
    State.SUSPENDED: {"state": 1, "status": 10, "reason": "postponed", "completed_on": None},
    State.LOCKED: {"state": 2, "status": 20, "reason": None, "runner_id": "r", "completed_on": None},
    State.COMPLETED: {"state": 3, "status": 30, "reason": None, "runner_id": None, "completed_on": 1},
}


@pytest.mark.parametrize(("before", "after"), list(product(State, State)))
def test_the_database_makes_just_the_moves_of_the_model(
    before: State, after: State, insert: Callable[..., int], world: World
) -> None:
    sequence = insert(**SAMPLES[before])
    columns = ", ".join(f"{name} = :{name}" for name in SAMPLES[after])
    act = world.store.database.connection.execute
    values = {**SAMPLES[after], "sequence": sequence}
    moved = not refused(lambda: act(f"UPDATE system_jobs SET {columns} WHERE sequence = :sequence", values))
    assert moved == (after in MOVES[before]), f"{before.label} → {after.label}"


def test_a_planned_instant_never_changes(insert: Callable[..., int], world: World) -> None:
    sequence = insert(plan=1, occurrence_at=START)
    act = world.store.database.connection.execute
    for value in (START + 1, START - 1, 0):
        assert refused(lambda: act(f"UPDATE system_jobs SET occurrence_at = {value} WHERE sequence = {sequence}"))  # noqa: B023


def test_an_instant_of_a_plan_happens_once(insert: Callable[..., int]) -> None:
    insert(plan=1, occurrence_at=START)
    assert refused(lambda: insert(plan=1, occurrence_at=START))
    assert refused(lambda: insert(plan=1, occurrence_at=START, state=3, status=32, reason="missed"))
    insert(plan=2, occurrence_at=START)
    insert(plan=1, occurrence_at=START + 1)
    insert()
    insert()


@pytest.mark.parametrize("value", [START - 1, 0, None])
def test_planned_through_never_falls(value: int | None, world: World) -> None:
    act = world.store.database.connection.execute
    world.job("daily")
    act(
        "INSERT INTO schedules (job_id, plan, spec, time_zone, activated_at, planned_through, active)"
        " VALUES (1, 1, '{}', 'UTC', 0, :through, 1)",
        {"through": START},
    )
    assert refused(lambda: act("UPDATE schedules SET planned_through = :value", {"value": value}))
    act("UPDATE schedules SET planned_through = planned_through")
    act("UPDATE schedules SET planned_through = planned_through + 1")


def test_a_token_has_one_holder_and_each_place_is_taken_once(insert: Callable[..., int]) -> None:
    first = insert(dependency_token="t", token_seq=1)
    assert refused(lambda: insert(dependency_token="t", token_seq=2))
    assert refused(lambda: insert(dependency_token="t", token_seq=1, blocked_by=first))
    insert(dependency_token="t", token_seq=2, blocked_by=first)
    insert(dependency_token="u", token_seq=1)
    insert(dependency_token="t")


def test_what_is_locked_has_a_runner_and_what_is_completed_has_none(insert: Callable[..., int]) -> None:
    assert refused(lambda: insert(state=2, status=20, runner_id=None))
    assert refused(lambda: insert(state=3, status=30, runner_id="r"))
    assert refused(lambda: insert(state=3, status=30, blocked_by=1))
    assert refused(lambda: insert(state=3, status=30, completed_on=None))
    assert refused(lambda: insert(completed_on=1))


def test_a_job_version_never_changes(world: World) -> None:
    world.job()
    act = world.store.database.connection.execute
    assert refused(lambda: act("UPDATE job_versions SET definition = '{}'"))
