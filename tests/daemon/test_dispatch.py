"""Who takes what from the queue: strict order, short ones ahead, and back again when something else is more urgent."""

from __future__ import annotations

from typing import Any

import apsw

from jobctl import claiming, pace
from jobctl.pace import Pace
from tests.daemon.hands import LONG, SHORT, Hands
from tests.store.world import World

QUEUE = "AS s\nJOIN jobs ON jobs.id = s.job_id\nLEFT JOIN payloads"
"""By which the statement of the queue is known."""


def test_what_was_never_measured_is_handed_over_one_to_a_slot(hands: Hands) -> None:
    hands.job("new", None)
    numbers = hands.submit(*["new"] * 5)
    given = hands.turn()
    assert sorted(sum(given.values(), [])) == numbers[:2] and len(given) == 2


def test_short_ones_are_handed_ahead_in_order_and_evenly(hands: Hands) -> None:
    hands.job("short", SHORT)
    numbers = hands.submit(*["short"] * 10)
    given = hands.turn()
    assert [len(sequences) for sequences in given.values()] == [5, 5]
    assert all(sequences == sorted(sequences) for sequences in given.values())
    assert sorted(sum(given.values(), [])) == numbers


def test_no_more_is_handed_ahead_than_a_newcomer_may_wait_for(hands: Hands) -> None:
    hands.job("short", SHORT)
    hands.submit(*["short"] * 100)
    given = hands.turn()
    assert all(len(sequences) * SHORT <= pace.AHEAD for sequences in given.values())
    assert all(len(sequences) > 10 for sequences in given.values())


def test_no_more_than_so_many_however_short(hands: Hands) -> None:
    hands.job("short", 0.0)
    hands.submit(*["short"] * (2 * pace.MOST + 20))
    assert {len(sequences) for sequences in hands.turn().values()} == {pace.MOST}


def test_nothing_overtakes_a_long_one_in_front(hands: Hands) -> None:
    hands.job("short", SHORT)
    hands.job("long", LONG)
    numbers = hands.submit("short", "short", "long", "short")
    given = hands.turn()
    assert sorted(sum(given.values(), [])) == numbers[:2]


def test_nothing_is_handed_ahead_behind_a_long_one(hands: Hands) -> None:
    hands.job("short", SHORT)
    hands.job("long", LONG)
    numbers = hands.submit("long", *["short"] * 6)
    given = hands.turn()
    assert sorted(given.values(), key=len) == [numbers[:1], numbers[1:]]


def test_what_waits_behind_one_that_takes_its_time_is_asked_back(hands: Hands) -> None:
    hands.job("short", SHORT)
    hands.submit(*["short"] * 8)
    given = hands.turn()
    name, sequences = next(iter(given.items()))
    hands.began(name, sequences[0])
    assert hands.heard(name, "take_back") == sequences[1:]
    hands.says(name, "returned", sequences=sequences[1:])
    assert all(hands.world.row(sequence).state.label == "ready" for sequence in sequences[1:])
    assert list(hands.fleet.runners[name].given) == sequences[:1]


def test_a_more_urgent_one_makes_the_less_urgent_come_back(hands: Hands) -> None:
    hands.job("short", SHORT)
    hands.job("urgent", SHORT, priority=5)
    hands.submit(*["short"] * 200)
    given = hands.turn()
    (urgent,) = hands.submit("urgent")
    hands.dispatcher.can_claim()
    back = {name: hands.heard(name, "take_back") for name in given}
    assert back == given  # as far as the daemon knows, none has begun
    for name, sequences in back.items():
        hands.says(name, "returned", sequences=sequences[1:])
        first = hands.fleet.runners[name].given[sequences[0]]
        at = hands.world.clock.now()
        outcome = {"status": 30, "ended_on": at}
        who = {"sequence": first.sequence, "claim": first.claim, "attempt": first.attempt}
        hands.says(name, "end", at=at, outcome=outcome, **who)
    assert urgent in [sequences[0] for sequences in hands.turn().values()]


def test_of_a_job_with_a_limit_one_at_a_time_is_handed_over(hands: Hands) -> None:
    hands.job("limited", SHORT, concurrency=1)
    hands.job("short", SHORT)
    limited, _, short = hands.submit("limited", "limited", "short")
    assert sorted(sum(hands.turn().values(), [])) == [limited, short]


def test_of_a_token_one_at_a_time_is_handed_over(hands: Hands) -> None:
    hands.job("link", SHORT, token="chain")
    first, _ = hands.submit("link", "link")
    assert sum(hands.turn().values(), []) == [first]


def test_a_paused_one_leaves_its_runner_alone(hands: Hands) -> None:
    hands.job("short", SHORT)
    first, second = hands.submit("short", "short")
    given = hands.turn()
    for runner in hands.fleet.runners.values():
        for one in runner.given.values():
            one.paused = True
    hands.submit("short")
    assert given and hands.turn() == {}  # it waits for a runner of its own


def test_the_order_of_the_queue_is_priority_then_readiness(hands: Hands) -> None:
    hands.job("low", None, priority=-1)
    hands.job("high", None, priority=1)
    low, high, other = hands.submit("low", "high", "high")
    with hands.world.store.snapshot() as snapshot:
        queue = list(claiming.queue(snapshot, hands.world.host_id, 10))
    assert [candidate.sequence for candidate in queue] == [high, other, low]


def test_nobody_looks_into_the_queue_for_those_who_can_take_nothing(hands: Hands) -> None:
    """All of it would be read: that of a job at its limit is passed over one by one."""
    hands.job("limited", None, concurrency=2)
    hands.submit(*["limited"] * 10)
    asked: list[str] = []
    hands.world.store.database.connection.trace_v2(apsw.SQLITE_TRACE_STMT, lambda event: asked.append(event["sql"]))
    assert hands.dispatcher.can_claim() and asked
    hands.turn()
    asked.clear()
    assert not hands.dispatcher.can_claim() and asked == []


def test_no_more_of_the_queue_is_read_than_is_claimed(world: World) -> None:
    hands = Hands(world, slots=1)
    hands.job("limited", None, concurrency=1)
    hands.submit(*["limited"] * 100)
    hands.turn()
    steps: list[int] = []

    def note(event: dict[str, Any]) -> None:
        if QUEUE in event["sql"]:
            steps.append(event["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"])

    hands.world.store.database.connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, note)
    for name in hands.ends:
        hands.says_all(name, *(hands.ended(name, sequence) for sequence in hands.fleet.runners[name].given))
    assert hands.turn()
    assert len(steps) == 1 and steps[0] < 1000, steps


def test_the_pace_follows_slower_runs_at_once_and_quicker_ones_by_and_by() -> None:
    paces = Pace()
    assert paces.expected(1) is None
    paces.measured(1, 0.001)
    paces.measured(1, 1.0)
    slower = paces.expected(1)
    assert slower is not None and slower > 0.4
    paces.measured(1, 0.001)
    quicker = paces.expected(1)
    assert quicker is not None and slower > quicker > slower / 2
    paces.is_slow(2)
    assert (paces.expected(2) or 0) > pace.QUICK
