"""What runners report, written down: ends in one commit with what takes their place, and each by its own rules."""

from __future__ import annotations

from typing import Any

import pytest

from jobctl import control, pace
from jobctl.fleet import STUCK_AFTER
from jobctl.model import State, Status, Wait
from jobctl.recorder import Recorder
from jobctl.runner.journal import Journal
from tests.daemon.hands import SHORT, Hands


def test_an_end_tells_when_it_began(hands: Hands) -> None:
    hands.job("short", SHORT)
    (number,) = hands.submit("short")
    (name,) = hands.turn()
    given = hands.fleet.runners[name].given[number]
    began = hands.world.clock.now() - 500
    outcome = {"status": 30, "ended_on": began + 400, "run_time": 400, "result": '{"a":1}', "log_bytes": 3}
    hands.says(name, "end", sequence=number, claim=given.claim, attempt=1, at=began, outcome=outcome)
    row = hands.world.row(number)
    assert (row.started_on, row.completed_on, row.run_time, row.attempt) == (began, began + 400, 400, 1)
    assert hands.world.store.payload(number)[1] == '{"a":1}' and row.log_bytes == 3 and row.runner_id is None


@pytest.mark.parametrize("stale", [{"claim": 7}, {"runner": "f" * 16}])
def test_an_end_of_another_claim_or_runner_changes_nothing(hands: Hands, stale: dict[str, Any]) -> None:
    hands.job("short", SHORT)
    (number,) = hands.submit("short")
    (name,) = hands.turn()
    given = hands.fleet.runners[name].given[number]
    if "runner" in stale:
        hands.add_runner(stale["runner"])
        hands.fleet.runners[stale["runner"]].given[number] = given
        name = stale["runner"]
    before = hands.world.row(number)
    at = hands.world.clock.now()
    outcome = {"status": 30, "ended_on": at}
    hands.says(name, "end", sequence=number, claim=stale.get("claim", given.claim), attempt=1, at=at, outcome=outcome)
    assert hands.world.row(number) == before


def test_an_end_makes_room_for_the_next_claim_of_the_same_commit(hands: Hands) -> None:
    """Also of a job with a limit, of which nothing is handed ahead; the order acknowledges the end."""
    hands.job("limited", None, concurrency=1)
    first, second, _ = hands.submit(*["limited"] * 3)
    (name,) = hands.turn()
    runner = hands.fleet.runners[name]
    recorder = Recorder(hands.fleet, hands.paces)
    with hands.world.store.write() as tx:
        recorder.apply(tx, runner, hands.ended(name, first, n=4))
        recorder.finish(tx)
        claimed = hands.dispatcher.claim(tx, recorder)
    recorder.settled()
    hands.handover.hand_over(claimed)
    hands.fleet.acknowledge()
    assert [one.sequence for one in claimed] == [second]
    (taker,) = (name for name, runner in hands.fleet.runners.items() if runner.given)
    told = [message for message in hands.messages(taker) if message["k"] in ("work", "ack")]
    assert [(message["k"], message.get("acked")) for message in told] == [("work", 4 if taker == name else 0)]
    assert (runner.applied, runner.acked) == (4, 4)


def test_a_commit_that_fails_gives_back_what_it_released(hands: Hands) -> None:
    hands.job("short", SHORT)
    numbers = hands.submit(*["short"] * 4)
    hands.turn()
    given = {name: dict(runner.given) for name, runner in hands.fleet.runners.items()}
    name = next(name for name, held in given.items() if numbers[0] in held)
    runner, recorder = hands.fleet.runners[name], Recorder(hands.fleet, hands.paces)
    failed = {**hands.ended(name, numbers[0]), "outcome": {"status": 31, "reason": "exit", "ended_on": 1}}
    with pytest.raises(ZeroDivisionError), hands.world.store.write() as tx:
        recorder.apply(tx, runner, failed)
        recorder.apply(tx, runner, hands.ended(name, numbers[2]))
        recorder.finish(tx)
        assert not runner.given
        raise ZeroDivisionError
    recorder.rolled_back()
    assert {name: runner.given for name, runner in hands.fleet.runners.items()} == given
    assert list(runner.given) == [numbers[0], numbers[2]]


def test_what_could_not_be_started_is_not_claimed_again_by_the_same_commit(hands: Hands) -> None:
    hands.job("job", None)
    (number,) = hands.submit("job")
    (name,) = hands.turn()
    runner, recorder = hands.fleet.runners[name], Recorder(hands.fleet, hands.paces)
    with hands.world.store.write() as tx:
        claim = runner.given[number].claim
        recorder.apply(tx, runner, {"k": "unbegun", "sequence": number, "claim": claim, "message": "short of memory"})
        recorder.finish(tx)
        assert hands.world.row(number).state is State.READY
        assert hands.dispatcher.claim(tx, recorder) == []


@pytest.mark.parametrize("kind", ["quick", "full"])
def test_an_end_that_comes_alone_is_written_as_one_among_others(hands: Hands, kind: str) -> None:
    hands.job("short", SHORT)
    numbers = hands.submit(*["short"] * 8)
    (name, held), _ = hands.turn().items()
    runner, at = hands.fleet.runners[name], hands.world.clock.now()
    told: dict[str, Any] = {"exit_code": 0, "message": "all well", "log_bytes": 7, "progress": 50.0, "stage": "last"}
    assert numbers and len(held) == 4
    if kind == "full":
        messages = [hands.ended(name, number, result='"done"', **told) for number in held]
    else:
        rows = [[number, runner.given[number].claim, 1, at, at + 5, 5, '"done"'] for number in held]
        messages = [{"k": "ends", "rows": [row]} for row in rows]
    hands.says_all(name, *messages[:1])
    hands.says_all(name, *messages[1:])
    columns = "state, status, reason, message, runner_id, started_on, completed_on, run_time, exit_code, log_bytes,"
    columns += " progress, stage, attempt, claim, signal, error_code, modified_by, result"
    found = hands.world.store.database.connection.execute(
        f"SELECT {columns} FROM system_jobs JOIN payloads USING (sequence) WHERE status = 30"
    ).fetchall()
    assert len(found) == 4 and len(set(found)) == 1, found
    assert not runner.given


@pytest.mark.parametrize("other", ["stale", "waited for", "blocks", "canceled", "deleted"])
def test_an_end_that_comes_alone_is_not_taken_for_an_ordinary_one(hands: Hands, other: str) -> None:
    hands.job("short", SHORT, token="chain" if other == "blocks" else None)
    number, behind = hands.submit("short", "short")
    (name, *_) = (name for name, held in hands.turn().items() if number in held)
    store, runner = hands.world.store, hands.fleet.runners[name]
    message = hands.ended(name, number)
    match other:
        case "stale":
            message["claim"] += 1
        case "waited for":
            waits = control.Conditions((Wait(number, "success"),))
            behind = control.submit(store, "short", conditions=waits).sequence
        case "canceled":
            control.cancel(store, number)
        case "deleted":
            control.delete(store, number, force=True)
    hands.says_all(name, message)
    after = store.find_system_job(number)
    assert number not in runner.given
    if other == "stale":
        assert after is not None and after.state is State.LOCKED
    elif other == "deleted":
        assert after is None
    else:
        assert after is not None and after.status is (Status.CANCELED if other == "canceled" else Status.SUCCEEDED)
    if other in ("waited for", "blocks"):
        assert hands.world.row(behind).state is State.READY and hands.world.row(behind).blocked_by is None


def test_of_many_ends_each_is_judged_by_itself(hands: Hands) -> None:
    world = hands.world
    hands.job("short", SHORT)
    numbers = hands.submit(*["short"] * 12)
    after = control.submit(world.store, "short", conditions=control.Conditions((Wait(numbers[2], "success"),))).sequence
    name, held = next((name, held) for name, held in hands.turn().items() if numbers[2] in held)
    stale, waited_for, large, nothing, canceled, *ordinary = [
        held[0],
        numbers[2],
        *[n for n in held[1:] if n != numbers[2]],
    ]
    control.cancel(world.store, canceled)
    at = world.clock.now()
    results = {large: f'"{"x" * 5000}"', nothing: "null"}
    given = hands.fleet.runners[name].given
    rows = [
        [number, given[number].claim + (number == stale), 1, at, at + 5, 5, results.get(number, '"done"')]
        for number in (stale, waited_for, large, nothing, canceled, *ordinary)
    ]
    hands.says(name, "ends", rows=rows, n=3)
    states = {
        number: world.row(number).status.label for number in (stale, canceled, waited_for, large, nothing, *ordinary)
    }
    assert states == {**dict.fromkeys(held, "succeeded"), stale: "in_progress", canceled: "canceled"}
    assert world.row(after).reason is None
    kept = {number: world.store.payload(number)[1] for number in held}
    expected = {**dict.fromkeys(held, '"done"'), **results, stale: None, nothing: None}
    assert kept == expected
    assert not hands.fleet.runners[name].given and hands.fleet.runners[name].applied == 3
    times = {(row.started_on, row.completed_on, row.run_time) for row in map(world.row, ordinary)}
    assert ordinary and times == {(at, at + 5, 5)}


def ends_of(hands: Hands, name: str) -> dict[str, Any]:
    """That all which a runner holds has succeeded."""
    given, at = hands.fleet.runners[name].given, hands.world.clock.now()
    return {"k": "ends", "rows": [[one.sequence, one.claim, 1, at, at, 0, "1"] for one in given.values()], "n": 1}


def test_what_takes_the_place_of_what_ended_is_claimed_with_it(hands: Hands) -> None:
    hands.job("short", SHORT)
    numbers = hands.submit(*["short"] * 150)
    first = hands.turn()
    runners = hands.fleet.runners
    recorder = Recorder(hands.fleet, hands.paces)
    with hands.world.store.write() as tx:
        for name in first:
            recorder.apply(tx, runners[name], ends_of(hands, name))
        recorder.finish(tx)
        claimed = hands.dispatcher.claim(tx, recorder)
    recorder.settled()
    began = sorted(sum(first.values(), []))
    assert began == numbers[: len(began)] and len(began) < len(numbers)
    assert [one.sequence for one in claimed] == numbers[len(began) : 2 * len(began)]


def test_the_first_run_of_a_worker_says_nothing_of_the_pace(hands: Hands) -> None:
    hands.job("new", None)
    first, second, *_ = hands.submit(*["new"] * 4)
    given = hands.turn()
    at = hands.world.clock.now()
    outcome = {"status": 30, "ended_on": at, "run_time": 500}
    version = hands.world.store.job("new").version.id
    for cold, sequence in ((True, first), (False, second)):
        assert hands.paces.expected(version) is None
        (name,) = (name for name, sequences in given.items() if sequence in sequences)
        if cold:
            hands.says(name, "begin", sequence=sequence, claim=1, attempt=1, at=at, cold=True)
        hands.says(name, "end", sequence=sequence, claim=1, attempt=1, at=at, outcome=outcome, cold=cold)
    assert hands.paces.expected(version) == 0.0005 + pace.OVERHEAD


def test_what_could_not_be_stored_makes_no_room(hands: Hands) -> None:
    hands.job("short", SHORT)
    hands.submit(*["short"] * 60)
    (name, other) = hands.turn()
    runner = hands.fleet.runners[name]
    before = dict(runner.given)
    recorder = Recorder(hands.fleet, hands.paces)
    with pytest.raises(KeyboardInterrupt), hands.world.store.write() as tx:
        recorder.apply(tx, runner, ends_of(hands, name))
        recorder.finish(tx)
        assert not runner.given
        raise KeyboardInterrupt
    recorder.rolled_back()
    assert runner.given == before
    with hands.world.store.write() as tx:
        again = Recorder(hands.fleet, hands.paces)
        again.apply(tx, runner, ends_of(hands, name))
        again.finish(tx)
    again.settled()
    assert not runner.given and hands.fleet.runners[other].given
    assert all(hands.world.row(number).status.label == "succeeded" for number in before)


@pytest.mark.parametrize("fails", [False, True])
def test_what_is_adopted_and_ends_in_the_same_commit_is_in_nobodys_hands(hands: Hands, fails: bool) -> None:
    hands.job("long", None)
    (number,) = hands.submit("long")
    (name,) = hands.turn()
    hands.began(name, number)
    runner, at = hands.fleet.runners[name], hands.world.clock.now()
    who = {"sequence": number, "claim": runner.given[number].claim, "attempt": 1}
    runner.given.clear()  # as the next daemon knows it
    recorder = Recorder(hands.fleet, hands.paces)
    try:
        with hands.world.store.write() as tx:
            current = {**who, "began": at, "paused": False, "run_time": 0}
            recorder.apply(tx, runner, {"k": "hello", "current": current, "queued": []})
            assert list(runner.given) == [number]
            recorder.apply(tx, runner, {"k": "end", **who, "at": at, "outcome": {"status": 30, "ended_on": at}})
            recorder.finish(tx)
            assert not runner.given
            if fails:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        recorder.rolled_back()
    else:
        recorder.settled()
    assert not runner.given
    assert hands.world.row(number).status.label == ("in_progress" if fails else "succeeded")


def test_what_a_dead_runner_wrote_down_together_all_counts(hands: Hands) -> None:
    hands.job("short", SHORT)
    hands.submit(*["short"] * 8)
    name, held = next(iter(hands.turn().items()))
    runner, at = hands.fleet.runners[name], hands.world.clock.now()
    journal = Journal(str(hands.fleet.journal_path(name)), name)
    for ends in (held[:1], held[1:3]):
        journal.add({"k": "ends", "rows": [[number, runner.given[number].claim, 1, at, at, 0, "1"] for number in ends]})
    journal.flush()
    recorder = Recorder(hands.fleet, hands.paces)
    with hands.world.store.write() as tx:
        recorder.bury(tx, runner)
    recorder.settled()
    assert [hands.world.row(number).status.label for number in held[:4]] == [
        *["succeeded"] * 3,
        "waiting_for_resources",
    ]


def test_who_waits_for_an_ordinary_end_hears_of_it(hands: Hands) -> None:
    hands.job("link", SHORT, token="chain")
    first, second = hands.submit("link", "link")
    after = control.submit(hands.world.store, "link", conditions=control.Conditions((Wait(first, "success"),))).sequence
    (name,) = hands.turn()
    given = hands.fleet.runners[name].given[first]
    at = hands.world.clock.now()
    hands.says(name, "end", sequence=first, claim=given.claim, attempt=1, at=at, outcome={"status": 30, "ended_on": at})
    assert hands.world.row(second).blocked_by is None
    assert hands.world.row(after).reason is None and hands.world.row(after).blocked_by == second


def test_of_a_stuck_runner_nothing_is_returned_that_has_ended(hands: Hands) -> None:
    hands.job("short", SHORT)
    hands.submit(*["short"] * 8)
    hands.turn()
    name, runner = next((name, runner) for name, runner in hands.fleet.runners.items() if len(runner.given) > 2)
    ended, begun, *others = list(runner.given)
    hands.world.store.database.config.run_directory.mkdir(exist_ok=True)
    journal = Journal(str(hands.fleet.journal_path(name)), name)
    journal.add({"k": "begin", "sequence": ended, "claim": 1, "attempt": 1, "at": 1})
    journal.add(hands.ended(name, ended))
    journal.add({"k": "begin", "sequence": begun, "claim": 1, "attempt": 1, "at": 1})
    journal.flush()
    runner.gone_since = hands.fleet.clock.monotonic() - STUCK_AFTER - 1
    hands.fleet.report_stuck()
    told = [(message["k"], message.get("sequence"), message.get("sequences")) for _, message in hands.fleet.inbox]
    assert told == [("stuck", begun, None), ("returned", None, others)]
