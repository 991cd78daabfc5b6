"""Who takes what from the queue: strict order, short ones ahead, and back again when something else is more urgent."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from jobctl import claiming, control, pace
from jobctl.assignment import Runner
from jobctl.dispatch import Dispatcher
from jobctl.fleet import Fleet
from jobctl.handover import HandOver
from jobctl.model import State, Status, Wait
from jobctl.pace import Pace
from jobctl.processes import Identity
from jobctl.recorder import Recorder
from jobctl.runner.journal import Journal
from jobctl.runner.protocol import FrameReader
from tests.store.world import World

SHORT, LONG = 0.001, 60.0
QUEUE = "AS s\nJOIN jobs ON jobs.id = s.job_id\nLEFT JOIN payloads"
"""By which the statement of the queue is known."""


class Hands:
    """A dispatcher with runners that only listen."""

    def __init__(self, world: World, slots: int) -> None:
        self.world = world
        self.fleet = Fleet(world.store.database.config, world.clock, world.daemon_id)
        self.paces = Pace()
        self.dispatcher = Dispatcher(self.fleet, world.store, world.host_id, slots, self.paces)
        self.handover = HandOver(self.fleet, world.store, self.paces)
        self.ends: dict[str, tuple[socket.socket, FrameReader]] = {}
        for number in range(slots):
            self.add_runner(f"{number:016x}")

    def add_runner(self, name: str) -> None:
        mine, theirs = socket.socketpair()
        theirs.setblocking(False)
        mine.setblocking(False)
        runner = Runner(name, Identity("b", "n", 1, 1), mine, -1)
        self.fleet.runners[name] = runner
        self.fleet.selector.register(mine, 1, runner)
        self.ends[name] = theirs, FrameReader()

    def job(self, name: str, expected: float | None, **definition: Any) -> None:
        version = self.world.job(name, **definition).version.id
        if expected is not None:
            self.paces.measured(version, expected)

    def submit(self, *names: str) -> list[int]:
        return [control.submit(self.world.store, name).sequence for name in names]

    def turn(self) -> dict[str, list[int]]:
        """Claim and hand over; what each runner was given by it, in order."""
        recorder = Recorder(self.fleet, self.paces)
        with self.world.store.write() as tx:
            claimed = self.dispatcher.claim(tx, recorder)
        self.handover.hand_over(claimed)
        return {name: found for name in self.ends if (found := self.heard(name, "work"))}

    def ended(self, name: str, sequence: int, kind: str = "end", n: int = 0, **told: Any) -> dict[str, Any]:
        """What its runner says when it has succeeded."""
        at, given = self.world.clock.now(), self.fleet.runners[name].given[sequence]
        outcome = {"status": 30, "ended_on": at + 5, "run_time": 5, **told}
        names = {"sequence": sequence, "claim": given.claim, "attempt": given.attempt}
        return {"k": kind, **names, "at": at, "outcome": outcome, **({"n": n} if n else {})}

    def messages(self, name: str) -> list[dict[str, Any]]:
        end, reader = self.ends[name]
        try:
            return reader.feed(end.recv(1 << 20))
        except BlockingIOError:
            return []

    def heard(self, name: str, kind: str) -> list[int]:
        found = [message for message in self.messages(name) if message["k"] == kind]
        if kind == "work":
            return [run[1] for message in found for run in message["runs"]]
        return [sequence for message in found for sequence in message["sequences"]]

    def says(self, name: str, kind: str, **values: Any) -> None:
        self.says_all(name, {"k": kind, **values})

    def says_all(self, name: str, *messages: dict[str, Any]) -> None:
        """In one commit."""
        recorder = Recorder(self.fleet, self.paces)
        with self.world.store.write() as tx:
            for message in messages:
                recorder.apply(tx, self.fleet.runners[name], message)
            recorder.finish(tx)
        recorder.settled()

    def began(self, name: str, sequence: int) -> None:
        given = self.fleet.runners[name].given[sequence]
        at = self.world.clock.now()
        self.says(name, "begin", sequence=sequence, claim=given.claim, attempt=given.attempt, at=at)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("JOBCTL_ID", "JOBCTL_DEPTH"):
        monkeypatch.delenv(name, raising=False)
    made = World.new(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def hands(world: World) -> Hands:
    return Hands(world, slots=2)


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
