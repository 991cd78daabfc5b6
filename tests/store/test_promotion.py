"""Many due at one instant: what is plain becomes ready all at once, in small transactions; all else is decided."""

from __future__ import annotations

from typing import Any

import apsw
import pytest

from jobctl import control, moves, promotion
from jobctl.model import Reason, State, Status
from tests.store.world import MINUTE, SECOND, World


def submit(world: World, name: str, number: int, **options: Any) -> list[int]:
    at = world.clock.now() + MINUTE
    return [control.submit(world.store, name, at=at, **options).sequence for _ in range(number)]


def statements_of_a_promotion(world: World) -> int:
    found: list[bool] = []
    connection = world.store.database.connection
    connection.trace_v2(apsw.SQLITE_TRACE_STMT, lambda event: found.append(event["trigger"]))
    world.promote()
    connection.trace_v2(0, None)
    return found.count(False)


def test_many_plain_ones_cost_no_more_statements_than_one(world: World) -> None:
    world.job()
    submit(world, "backup", 1)
    world.clock.advance(MINUTE)
    one = statements_of_a_promotion(world)
    numbers = submit(world, "backup", promotion.BATCH)
    world.clock.advance(MINUTE)
    assert statements_of_a_promotion(world) <= one
    assert {world.row(sequence).state for sequence in numbers} == {State.READY}


def test_one_transaction_promotes_no_more_than_a_batch_the_earliest_first(world: World) -> None:
    world.job()
    numbers = submit(world, "backup", promotion.BATCH + 50)
    world.clock.advance(MINUTE)
    assert world.promote() == promotion.BATCH
    states = [world.row(sequence).state for sequence in numbers]
    assert states == [State.READY] * promotion.BATCH + [State.SUSPENDED] * 50
    assert world.promote() == 50
    assert world.promote() == 0


@pytest.mark.parametrize("reason", [Reason.SCHEDULED, Reason.POSTPONED, Reason.RETRYING])
def test_all_at_once_is_as_one_by_one(world: World, reason: Reason) -> None:
    world.job(retries=1)
    first, second = submit(world, "backup", 2)
    with world.store.write() as tx:
        for sequence in (first, second):
            tx.database.connection.execute(
                "UPDATE system_jobs SET reason = ? WHERE sequence = ?", (str(reason), sequence)
            )
    world.clock.advance(MINUTE + SECOND)
    with world.store.write() as tx:
        moves.make_ready(tx, tx.system_job(first))
    assert world.promote() == 1
    read = world.store.database.connection.execute
    one, other = (
        list(read("SELECT * FROM system_jobs WHERE sequence = ?", (sequence,)).fetchall()[0])
        for sequence in (first, second)
    )
    names = [column[1] for column in read("PRAGMA table_info(system_jobs)")]
    different = {name for name, a, b in zip(names, one, other, strict=True) if a != b}
    assert different == {"sequence", "id"}


def test_what_is_not_due_yet_stays(world: World) -> None:
    world.job()
    (early,) = submit(world, "backup", 1)
    world.clock.advance(SECOND)
    (late,) = submit(world, "backup", 1)
    world.clock.advance(MINUTE - SECOND)
    assert world.promote() == 1
    assert world.row(early).state is State.READY
    assert (world.row(late).state, world.row(late).status) == (State.SUSPENDED, Status.WAITING)


def test_what_has_a_token_still_takes_its_place_in_the_queue(world: World) -> None:
    world.job("plain")
    world.job("queued", token="t")
    plain = submit(world, "plain", 3)
    queued = submit(world, "queued", 3)
    world.clock.advance(MINUTE)
    assert world.promote() == 6
    assert [world.row(sequence).token_seq for sequence in queued] == [1, 2, 3]
    assert [world.row(sequence).blocked_by for sequence in queued] == [None, *queued[:2]]
    assert {world.row(sequence).blocked_by for sequence in plain} == {None}
