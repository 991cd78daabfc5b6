"""Submissions that are claimed in their own commit for a runner that the daemon offers: when, when not, and once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from jobctl import control, submitting, wake
from jobctl.model import State, Status, SystemJob
from jobctl.offer import BERTH, MOST, NAME, Offer, Offers
from jobctl.store import Store
from tests.daemon.hands import Hasty, daemon_of, kinds
from tests.store.world import MINUTE


class Open:
    """A daemon at rest that offers both its runners, and somebody who submits."""

    def __init__(self, hasty: Hasty, guest: Store) -> None:
        self.hasty, self.guest = hasty, guest
        self.dispatcher, self.reception = hasty.dispatcher, hasty.dispatcher.reception
        self.run_once("job")

    def run_once(self, name: str) -> None:
        """By each runner, so that they are known and have run it last."""
        given = [self.hasty.submit(name)[0] for _ in self.hasty.ends]
        self.hasty.turn()
        for runner_id, runner in self.hasty.fleet.runners.items():
            (sequence,) = runner.given
            assert sequence in given
            self.hasty.says_all(runner_id, self.hasty.ended(runner_id, sequence))
            self.hasty.messages(runner_id)
        self.hasty.haste.looking()

    def submit(self, name: str = "job", **values: Any) -> SystemJob:
        return control.submit(self.guest, name, **values)

    def locked(self) -> list[int]:
        return sorted(row.sequence for row in self.hasty.world.rows() if row.state is State.LOCKED)


@pytest.fixture
def ear(hasty: Hasty) -> Iterator[wake.Ear]:
    made = wake.Ear(hasty.world.store.database.config.run_directory)
    with closing(made.socket):
        yield made


@pytest.fixture
def open_(hasty: Hasty, ear: wake.Ear) -> Iterator[Open]:
    with Store.open(hasty.world.store.database.config, hasty.world.clock, "user:bob") as guest:
        made = Open(hasty, guest)
        made.dispatcher.offer()
        ear.hear()
        ear.take()
        yield made


def test_it_is_claimed_in_its_own_commit_and_only_has_to_be_handed_over(open_: Open) -> None:
    submitted = open_.submit(data="[1]", regarding="invoice:7")
    assert submitted == open_.hasty.world.row(submitted.sequence), "told as it stands there"
    assert (submitted.state, submitted.status, submitted.claim) == (State.LOCKED, Status.IN_PROGRESS, 1)
    assert submitted.started_on is None and submitted.attempt == 0
    open_.hasty.watch()
    ((claimed,), found) = open_.hasty.haste.claim()
    assert found and claimed.sequence == submitted.sequence and not claimed.continued
    assert "COMMIT" not in open_.hasty.statements and open_.hasty.checked == 1
    open_.hasty.handover.hand_over([claimed])
    assert open_.hasty.heard(claimed.runner_id, "work") == [submitted.sequence]
    assert not open_.dispatcher.can_claim(), "once is enough"
    open_.hasty.says_all(claimed.runner_id, open_.hasty.ended(claimed.runner_id, submitted.sequence))
    assert open_.hasty.world.row(submitted.sequence).status is Status.SUCCEEDED


def test_who_comes_beside_a_guest_waits_for_the_daemon_which_looks_at_once(open_: Open) -> None:
    first, second = (open_.submit() for _ in range(2))
    assert [row.state for row in (first, second)] == [State.LOCKED, State.READY]
    ((claimed,), _) = open_.hasty.haste.claim()
    assert claimed.sequence == first.sequence and open_.hasty.haste.looks_within == 0.0
    open_.hasty.handover.hand_over([claimed])
    assert list(open_.hasty.turn().values()) == [[first.sequence], [second.sequence]]


def test_only_what_the_runner_ran_last_comes_that_way(open_: Open) -> None:
    open_.hasty.job("other", None)
    assert open_.submit("other").state is State.READY


def test_nothing_is_overtaken(open_: Open) -> None:
    open_.hasty.job("other", None)
    before = open_.submit("other")
    assert open_.submit().state is State.READY
    open_.hasty.turn()
    assert open_.locked()[0] == before.sequence


def test_what_waits_or_has_a_limit_does_not_come_that_way(open_: Open) -> None:
    now = open_.hasty.world.clock.now()
    assert open_.submit(at=now + MINUTE).state is State.SUSPENDED
    open_.hasty.job("limited", None, concurrency=1)
    open_.hasty.job("tokened", None, token="t")
    for name in ("limited", "tokened"):
        open_.reception.close()
        version = open_.guest.version_in_force(name).id
        open_.reception.offer.make([(runner, version) for runner in open_.hasty.ends])
        assert open_.submit(name).state is State.READY
        open_.hasty.world.store.database.connection.execute("UPDATE system_jobs SET blocked_by = 1 WHERE state = 0")
    assert open_.submit(conditions=submitting.Conditions(event="e")).state is State.SUSPENDED


def replaced(open_: Open) -> None:
    connection = open_.hasty.world.store.database.connection
    connection.execute(
        "INSERT INTO daemons (host_id, boot_id, pid_namespace, pid, start_time, version, slots, started_on)"
        " SELECT host_id, boot_id, pid_namespace, 2, 2, version, slots, started_on + 1 FROM daemons"
    )


def offered_by_another(open_: Open) -> None:
    """One that was replaced and has not noticed it yet, while its runner is the new one's."""
    open_.reception.offer.generation -= 1
    open_.reception.close()
    open_.dispatcher.offer()


def stopped(open_: Open) -> None:
    open_.hasty.world.store.database.connection.execute("UPDATE daemons SET stopped_on = 1")


def buried(open_: Open) -> None:
    open_.hasty.world.store.database.connection.execute("DELETE FROM runners")


def withdrawn(open_: Open) -> None:
    open_.reception.close()


def damaged(open_: Open) -> None:
    (open_.hasty.world.store.database.config.run_directory / NAME).write_bytes(b"\xff" * 1000)


def gone(open_: Open) -> None:
    (open_.hasty.world.store.database.config.run_directory / NAME).unlink()


@pytest.mark.parametrize("change", [replaced, offered_by_another, stopped, buried, withdrawn, damaged, gone])
def test_an_offer_that_does_not_stand_is_not_taken_up(open_: Open, change: Callable[[Open], None]) -> None:
    change(open_)
    assert open_.submit().state is State.READY


def test_nothing_comes_that_way_while_nobody_listens(open_: Open, ear: wake.Ear) -> None:
    ear.socket.close()
    assert open_.submit().state is State.READY


def test_who_saw_the_offer_before_it_was_withdrawn_is_served_and_no_slot_is_given_twice(open_: Open) -> None:
    open_.hasty.job("other", None)
    guest = open_.submit()
    others = [open_.submit("other").sequence for _ in range(2)]
    open_.reception.close()
    given = open_.hasty.turn()
    assert given.pop(guest.runner_id or "") == [guest.sequence]
    assert list(given.values()) == [others[:1]]
    assert open_.dispatcher.reception.expected, "who came last is looked for once more"
    open_.hasty.turn()
    assert not open_.reception.expected


def test_a_guest_of_a_turn_that_failed_is_found_by_the_next_one(open_: Open) -> None:
    guest = open_.submit()
    from jobctl.recorder import Recorder

    with pytest.raises(ZeroDivisionError), open_.hasty.world.store.write() as tx:
        assert len(open_.dispatcher.claim(tx, Recorder(open_.hasty.fleet, open_.hasty.paces))) == 1
        raise ZeroDivisionError
    assert open_.hasty.turn() == {guest.runner_id: [guest.sequence]}


def canceled(open_: Open, sequence: int) -> State:
    control.cancel(open_.guest, sequence)
    return State.COMPLETED


def paused(open_: Open, sequence: int) -> State:
    control.pause(open_.guest, sequence)
    return State.SUSPENDED


@pytest.mark.parametrize("act", [canceled, paused])
def test_what_somebody_wants_otherwise_is_not_handed_over(open_: Open, act: Callable[[Open, int], State]) -> None:
    guest = open_.submit()
    wanted = act(open_, guest.sequence)
    assert open_.hasty.haste.claim()[0] == []
    assert open_.hasty.world.row(guest.sequence).state is wanted
    assert open_.hasty.turn() == {}
    assert "work" not in kinds(open_.hasty)


def test_a_guest_of_a_runner_that_died_is_ready_again(open_: Open) -> None:
    guest = open_.submit()
    runner = open_.hasty.fleet.runners[guest.runner_id or ""]
    runner.spoke = True
    from jobctl.recorder import Recorder

    recorder = Recorder(open_.hasty.fleet, open_.hasty.paces)
    with open_.hasty.world.store.write() as tx:
        recorder.bury(tx, runner)
    recorder.settled()
    row = open_.hasty.world.row(guest.sequence)
    assert (row.state, row.runner_id, row.attempt, row.ready_on) == (State.READY, None, 0, guest.ready_on)
    ((sequence,),) = open_.hasty.turn().values()
    assert sequence == guest.sequence


# Told while it is committed


def words(open_: Open, ear: wake.Ear) -> list[bytes]:
    ear.hear()
    return ear.take()


def test_its_runner_reads_its_orders_during_the_commit_and_begins_at_a_word(open_: Open, ear: wake.Ear) -> None:
    guest = open_.submit(data='{"text": "\u00fcber"}')
    soon, announced, now = words(open_, ear)
    assert (soon, now) == (wake.SOON, wake.NOW + bytes.fromhex(guest.id))
    assert open_.hasty.haste.heed([soon, announced]) == ([], False)
    told = [message for name in open_.hasty.ends for message in open_.hasty.messages(name)]
    (prepared,) = (message for message in told if message["k"] == "prepare")
    assert prepared["runs"][0][1:] == [guest.sequence, guest.id, 1, 1, 0, '{"text": "\u00fcber"}']
    assert open_.hasty.given() == [], "nobody knows yet whether it will be committed"
    open_.hasty.watch()
    assert open_.hasty.haste.heed([now]) == ([], True)
    assert kinds(open_.hasty) == ["go"]
    assert open_.hasty.given() == [guest.sequence]
    assert open_.hasty.statements == [], "the submitter's own transaction has asked for everything"
    assert not open_.dispatcher.can_claim()


def test_what_was_announced_and_is_not_committed_does_not_begin(open_: Open, ear: wake.Ear) -> None:
    with pytest.raises(ZeroDivisionError), open_.guest.write() as tx:
        submitting.submit_within(tx, tx.version_in_force("job"), submitting.Request(), "run")
        raise ZeroDivisionError
    said = words(open_, ear)
    assert [word[:1] for word in said] == [wake.SOON, wake.GUEST]
    open_.hasty.haste.heed(said)
    assert kinds(open_.hasty) == ["prepare"]
    following = open_.submit()
    announced, now = words(open_, ear)[-2:]
    assert open_.hasty.haste.heed([now])[0][0].sequence == following.sequence, "one that was not announced in time"
    assert kinds(open_.hasty) == ["forget"]
    open_.hasty.haste.looking()
    assert announced.startswith(wake.GUEST)


def test_somebody_elses_commit_lets_nothing_begin(open_: Open, ear: wake.Ear) -> None:
    open_.hasty.job("other", None)
    guest = open_.submit()
    announced, now = words(open_, ear)[-2:]
    open_.hasty.haste.heed([announced])
    other = open_.submit("other")
    (elses,) = words(open_, ear)
    assert elses == wake.NOW
    ((first,), _) = open_.hasty.haste.heed([elses])
    assert first.sequence == guest.sequence, "it is found where it stands"
    assert kinds(open_.hasty) == ["prepare", "forget"]
    open_.hasty.handover.hand_over([first])
    open_.hasty.haste.looking()
    open_.hasty.haste.heed([now])
    assert sorted(open_.hasty.given()) == [guest.sequence, other.sequence]


def test_a_daemon_that_does_something_else_forgets_what_was_announced(open_: Open, ear: wake.Ear) -> None:
    guest = open_.submit()
    announced, _ = words(open_, ear)[-2:]
    open_.hasty.haste.heed([announced])
    ear.socket.close()
    with daemon_of(open_.hasty) as daemon:
        daemon.step()
    assert open_.hasty.given() == [guest.sequence]
    assert kinds(open_.hasty)[:2] == ["prepare", "forget"]


RUNNER, ID = "0000000000000001", "a" * 32
SENSE: list[Any] = [RUNNER, 9, ID, 1, 1, 0, 0, None]


def spoiled(place: int, value: object) -> bytes:
    return json.dumps([*SENSE[:place], value, *SENSE[place + 1 :]]).encode()


def test_a_word_with_sense_is_taken(open_: Open) -> None:
    open_.hasty.haste.heed([wake.GUEST + json.dumps(SENSE).encode()])
    assert kinds(open_.hasty) == ["prepare"]


@pytest.mark.parametrize(
    "said",
    [
        *(b"", b"{}", b"[1]", b"\xff", b"[" * 5000),
        *(spoiled(0, value) for value in (7, "f" * 16)),
        *(spoiled(1, value) for value in ("9", -1, 2**64, 1.5)),
        *(spoiled(2, value) for value in (7, "a", "g" * 32)),
        *(spoiled(4, value) for value in (2, 10**9)),
        *(spoiled(6, value) for value in (-1, 1000)),
        *(spoiled(7, value) for value in (7, [1], "\ud800")),
    ],
)
def test_a_word_without_sense_changes_nothing(open_: Open, said: bytes) -> None:
    assert open_.hasty.haste.heed([wake.GUEST + said]) == ([], False)
    assert kinds(open_.hasty) == [] and open_.hasty.handover.prepared == []


def test_what_is_too_much_for_a_word_is_found_where_it_stands(open_: Open, ear: wake.Ear) -> None:
    guest = open_.submit(data=f'"{"x" * wake.MOST_SAID}"')
    said = words(open_, ear)
    assert said[-1] == wake.NOW and all(word in (wake.SOON, wake.NOW) for word in said)
    ((claimed,), _) = open_.hasty.haste.heed(said)
    assert claimed.sequence == guest.sequence


def test_as_many_are_offered_as_slots_are_free(open_: Open) -> None:
    def offered() -> list[str]:
        said = (open_.hasty.world.store.database.config.run_directory / NAME).read_bytes()
        return [runner.hex() for runner, version, _ in BERTH.iter_unpack(said) if version]

    assert len(offered()) == 2
    open_.submit()
    open_.hasty.turn()
    open_.dispatcher.offer()
    assert len(offered()) == 1
    open_.hasty.add_runner("f" * 16)
    open_.dispatcher.offer()
    assert "f" * 16 not in offered(), "its row is not stored: it has never been given anything"
    open_.dispatcher.not_before = open_.hasty.world.clock.monotonic() + 60
    open_.dispatcher.offer()
    assert offered() == []


def test_the_file_of_an_offer(tmp_path: Path) -> None:
    offers = Offers(tmp_path)
    with closing(offers):
        assert offers.runner_for(7) is None, "there is none yet"
        offer = Offer(tmp_path, 3)
        with closing(offer):
            assert offers.runner_for(7) is None
            many = [(f"{number:016x}", number) for number in range(1, MOST + 3)]
            offer.make(many)
            found = [offers.runner_for(number) for _, number in many]
            assert found == [*((name, 3) for name, _ in many[:MOST]), None, None]
            offer.make(many[:1])
            assert offers.runner_for(2) is None
            assert os.stat(tmp_path / NAME).st_mode & 0o777 == 0o600
        assert offers.runner_for(1) is None, "who leaves offers nothing"
