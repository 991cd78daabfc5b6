"""How many system jobs are deleted at once: what a purge chooses, what goes with it, and what is left alone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobctl import control, deletion, ledger, logs, retention
from jobctl.config import Config
from jobctl.control import Conditions
from jobctl.deletion import Deletion, Pace
from jobctl.errors import BadInput, Refused
from jobctl.model import Definition, Reason, State, Status, SystemJob, Wait
from jobctl.purging import Purge
from jobctl.store import Filter, Store
from tests.store.history import DAY, count, ended, goes, home, left, purge, work, write_output
from tests.store.world import HOUR, START, World, every

# Deleting


def test_all_of_it_goes(world: World) -> None:
    world.job("backup", retries=1, retry_delay=0.0)
    number = control.submit(world.store, "backup", data='{"n": 1}').sequence
    world.start()
    write_output(world, number, 10)
    world.fail(number)
    world.promote()
    world.start()
    write_output(world, number, 20, attempt=2)
    world.end(number, log_bytes=30)
    assert logs.attempts(home(world), number) == [1, 2] and count(world, "events", "sequence", number)
    dependent = control.submit(world.store, "backup", conditions=Conditions((Wait(number, "any"),))).sequence
    world.start()
    world.end(dependent)

    done = purge(world, job="backup")
    assert left(world) == []
    for table in ("payloads", "events", "waits"):
        assert count(world, table, "sequence", number) == count(world, table, "sequence", dependent) == 0
    assert logs.attempts(home(world), number) == []
    assert (done.tally.deleted, done.tally.failed) == (2, 0) and done.tally.log_bytes >= 30
    _, result = world.store.payload(done.sequence)
    assert json.loads(str(result))["deleted"] == 2


def test_only_what_was_completed_before_it_started_goes(world: World) -> None:
    before = ended(world)
    started = world.clock.now()
    world.clock.advance(1)
    after = ended(world)
    assert list(Purge("purge", Filter()).chosen(world.store, started)) == []
    assert list(Purge("purge", Filter()).chosen(world.store, started + 1)) == [[before]]
    pages = Purge("purge", Filter()).chosen(world.store, world.clock.now() + 1)
    assert list(pages) == [[before, after]]


def test_what_comes_while_a_clock_goes_back_is_left_alone(world: World) -> None:
    before = ended(world)
    pages = Purge("purge", Filter()).chosen(world.store, world.clock.now() + 1)
    parameters = Purge("purge", Filter()).parameters(world.store, world.clock.now() + 1)
    world.clock.advance(-DAY)
    after = ended(world)
    assert retention.BEGINNING < parameters["through"] < after
    assert before in next(pages)
    assert list(retention.pages(world.store, "purge_page", **parameters)) == [[before]]


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ({"job": "import"}, {"b"}),
        ({"statuses": (Status.FAILED, Status.CANCELED)}, {"b", "c"}),
        ({"reasons": (Reason.USER,)}, {"c"}),
        ({"token": "disk"}, {"b"}),
        ({"tag": "nightly"}, {"b"}),
        ({"owner": "user:bob"}, set()),
        ({"owner": "user:alice"}, {"a", "b", "c"}),
        ({"message_name": "api"}, {"c"}),
        ({"operation_type": 13}, set()),
        ({}, {"a", "b", "c"}),
    ],
)
def test_a_purge_takes_what_the_monitor_lists(world: World, filter: dict[str, Any], expected: set[str]) -> None:
    world.job("import", token="disk", tags=("nightly",))
    numbers = {"a": ended(world), "b": ended(world, "import", "failed")}
    numbers["c"] = ended(world, end="canceled", message_name="api")
    names = {number: name for name, number in numbers.items()}
    wanted = Purge("purge", Filter(**filter))
    again = Purge.of(json.loads(json.dumps(wanted.document())))
    assert again == wanted
    now = world.clock.now() + 1
    chosen = {names[number] for page in again.chosen(world.store, now) for number in page}
    listed = {names[row.sequence] for row in world.store.system_jobs(Filter(**filter, states=(State.COMPLETED,)))}
    assert chosen == listed == expected
    assert again.totals(world.store, now).count == len(expected)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {"filter": []},
        {"filter": {"colour": "red"}},
        {"filter": {"status": ["locked"]}},
        {"filter": {"status": ["in_progress"]}},
        {"filter": {"reason": ["boredom"]}},
        {"filter": {"since": "yesterday"}},
        {"filter": {"since": "2026-01-01T00:00:00"}},
        {"filter": {"job": 7}},
        {"filter": {"older_than": "long"}},
        {"filter": {"older_than": 1e400}},
    ],
)
def test_data_that_is_no_purge_deletes_nothing(data: object) -> None:
    with pytest.raises(BadInput):
        Purge.of(data)


def test_a_key_is_free_again_once_its_system_job_is_gone(world: World) -> None:
    conditions = Conditions(key="monday")
    first = ended(world, conditions=conditions, data="1")
    assert control.submit(world.store, "backup", conditions=conditions, data="1").sequence == first
    purge(world, job="backup")
    again = control.submit(world.store, "backup", conditions=conditions, data="2")
    assert again.sequence > first and again.state is State.READY


def test_an_instant_is_not_repeated_when_its_record_is_gone(world: World) -> None:
    control.add_job(world.store, "tick", Definition(command="true"), every("1h"))
    for _ in range(3):
        world.promote()
        world.end(world.start())
        world.clock.advance(HOUR)
    last = max(row.occurrence_at or 0 for row in world.rows())
    purge(world, job="tick")
    (pending,) = (row for row in world.rows() if row.job == "tick")
    assert pending.state is State.SUSPENDED and pending.occurrence_at == last
    with world.store.write() as tx:
        tx.delete(pending.sequence)
        planned = ledger.plan_following(tx, pending.job_id, 0)
    assert planned is not None and planned.occurrence_at == last


def test_the_record_of_a_canceled_occurrence_stays_until_its_instant(world: World) -> None:
    control.add_job(world.store, "tick", Definition(command="true", keep="1s"), every("60d", start=START + 60 * DAY))
    (canceled,) = world.rows()
    control.cancel(world.store, canceled.sequence)
    world.clock.advance(40 * DAY)
    assert purge(world, job="tick").tally.deleted == 0 and goes(world) == []
    assert Purge("purge", Filter(job="tick")).totals(world.store, world.clock.now()).count == 0
    with world.store.write() as tx:
        assert canceled.plan is not None
        tx.delete(world.store.live_system_jobs(canceled.job_id)[0].sequence)
        planned = ledger.plan_following(tx, canceled.job_id, 0)
    assert planned is not None and (planned.occurrence_at or 0) > (canceled.occurrence_at or 0)
    world.clock.advance(20 * DAY)
    assert goes(world) == [canceled.sequence]


def test_output_that_cannot_be_deleted_is_counted_named_and_swept_up_later(world: World) -> None:
    numbers = [ended(world, output=10) for _ in range(3)]
    stubborn = Path(logs.segment_path(home(world), numbers[1], 1, "tail0"))
    stubborn.mkdir()
    done = purge(world, job="backup")
    assert left(world) == [] and (done.tally.deleted, done.tally.failed) == (3, 1)
    assert done.tally.failures[0].startswith(f"{numbers[1]}: ")
    result = json.loads(str(world.store.payload(done.sequence)[1]))
    assert result["failed"] == 1 and result["failures"] == list(done.tally.failures)
    stubborn.rmdir()
    write_output(world, numbers[1], 10)
    done.sweep()
    assert done.tally.orphans == 1 and logs.attempts(home(world), numbers[1]) == []


def test_a_sweep_leaves_the_output_of_those_there_are_and_of_numbers_to_come(world: World) -> None:
    kept = ended(world, output=10)
    running = control.submit(world.store, "backup").sequence
    world.start()
    write_output(world, running, 10)
    write_output(world, 5000, 10)
    foreign = home(world) / "logs" / "000000" / "notes.txt"
    foreign.write_text("mine", encoding="ascii")
    work(world, running).sweep()
    assert [logs.attempts(home(world), number) for number in (kept, running, 5000)] == [[1], [1], [1]]
    assert foreign.exists()


def test_a_directory_that_nobody_can_write_to_any_more_goes(world: World) -> None:
    world.job()
    world.store.database.connection.execute("UPDATE numbers SET last = 999")
    write_output(world, 17, 10)
    number = ended(world, output=10)
    assert number == 1000
    done = work(world)
    done.sweep()
    assert os.listdir(home(world) / "logs") == ["000001"]
    assert done.tally.orphans == 1 and logs.attempts(home(world), number) == [1]


def test_output_goes_and_the_system_job_stays(world: World) -> None:
    number = ended(world, output=1000)
    done = work(world)
    assert [size for page in retention.logs_on_disk(world.store) for _, size in page] == [1000]
    done.drop_logs([number])
    assert logs.attempts(home(world), number) == []
    assert world.row(number).log_bytes == 1000, "it still tells how much there was"
    assert list(retention.logs_on_disk(world.store)) == []
    assert (done.tally.logs_dropped, done.tally.deleted) == (1, 0)


def test_no_more_of_an_attempt_counts_than_is_kept(world: World) -> None:
    number = ended(world)
    row = world.row(number)
    with world.store.database.write():
        world.store.database.connection.execute("UPDATE system_jobs SET log_bytes = ?", (10**12,))
    assert row.attempt == 1
    found, more = retention.grown(world.store, retention.Logs())
    assert (found.size, more) == (retention.KEPT_OF_ATTEMPT, False)
    assert retention.grown(world.store, found)[0] == found


def test_definitions_of_commands_go_with_the_last_that_names_them(world: World) -> None:
    def adhoc(word: str) -> SystemJob:
        row = control.submit_adhoc(world.store, Definition(argv=(word,)))
        world.start()
        world.end(row.sequence)
        return row

    rows = [adhoc(f"w{index}") for index in range(4)]
    done = work(world)
    again = control.rerun(world.store, rows[1].sequence)
    done.delete([[row.sequence for row in rows]])
    done.forget_versions()
    versions = {
        number for (number,) in world.store.database.connection.execute("SELECT id FROM job_versions").fetchall()
    }
    assert rows[0].job_version_id not in versions
    assert {again.job_version_id, world.row(done.sequence).job_version_id} <= versions
    assert world.store.database.connection.pragma("foreign_keys") == 1
    assert world.store.database.connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_definitions_of_jobs_stay(world: World) -> None:
    number = ended(world)
    control.edit_job(world.store, "backup", {"command": "false"})
    done = work(world)
    done.delete([[number]])
    done.forget_versions()
    ((versions,),) = world.store.database.connection.execute("SELECT count(*) FROM job_versions WHERE job_id = 1")
    assert versions == 2


def test_space_is_given_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletion, "SPARE", 100)
    data = json.dumps("x" * 100_000)
    for _ in range(20):
        ended(world, data=data)
    ((_, _, before),) = world.store.database.run("space")
    done = purge(world, job="backup")
    ((_, free, _),) = world.store.database.run("space")
    assert free > 400
    done.give_space_back()
    ((mode, free, after),) = world.store.database.run("space")
    assert mode == 2 and free <= 100 and after < before - 300
    assert world.store.database.check() is None


# Pace


@pytest.fixture
def pace(world: World) -> Iterator[Pace]:
    yield Pace(world.store, lambda seconds: rests.append(seconds))
    rests.clear()


rests: list[float] = []


def test_batches_grow_while_they_are_quick_and_shrink_when_they_are_not(world: World, pace: Pace) -> None:
    sizes = [pace.size]
    for took in (1000, 1000, 60_000, 1000):
        with pace.turn():
            world.clock.advance(took)
        sizes.append(pace.size)
    assert sizes[0] < sizes[1] < sizes[2] and sizes[3] <= sizes[2] * 0.75 and sizes[3] < sizes[4]
    assert pace.longest == pytest.approx(0.06) and (pace.turns, pace.slow) == (4, 1)
    for _ in range(60):
        with pace.turn():
            world.clock.advance(100)
    assert pace.size == deletion.MOST
    for _ in range(60):
        with pace.turn():
            world.clock.advance(1_000_000)
    assert pace.size == 1


def test_it_rests_longer_when_others_write(world: World, pace: Pace) -> None:
    with pace.turn():
        world.clock.advance(10_000)
    pace.give_way()
    with Store.open(Config(home(world)), world.clock, "user:bob") as other, other.write() as tx:
        tx.event("something")
    with pace.turn():
        world.clock.advance(10_000)
    pace.give_way()
    assert rests == pytest.approx([0.01, 0.01 * deletion.COURTESY])


def test_what_a_batch_did_is_stored_with_it(world: World) -> None:
    numbers = [ended(world) for _ in range(200)]

    class Enough(Exception):
        pass

    def enough(seconds: float) -> None:
        raise Enough

    number = work(world).sequence
    done = Deletion(world.store, number, enough)
    with pytest.raises(Enough):
        done.delete([numbers])
    result = json.loads(str(world.store.payload(number)[1]))
    assert result["deleted"] == deletion.FIRST == 200 - len(left(world)) == done.tally.deleted


# Purges as system jobs


def test_a_purge_is_of_the_type_bulk_delete_also_when_a_schedule_makes_it(world: World) -> None:
    wanted = Purge("tidy", Filter(job="backup"), DAY)
    definition = Definition(internal="bulk_delete", settings=wanted.document())
    control.add_job(world.store, "tidy", definition, every("1h"))
    (pending,) = world.rows()
    once = control.submit_adhoc(world.store, definition, name="tidy")
    by_hand = control.submit(world.store, "tidy")
    for row in (pending, once, by_hand):
        assert (row.operation_type, row.platform, row.owner) == (13, False, "user:alice")
        assert Purge.of(json.loads(str(world.store.payload(row.sequence)[0]))) == wanted
    assert once.name == "tidy" and once.message_name == "run" and pending.message_name == "schedule"
    assert control.submit(world.store, world.job().name).operation_type == 10


def test_one_that_writes_to_the_database_never_stands_still(world: World) -> None:
    number = work(world).sequence
    for operation in (control.pause, lambda store, sequence: control.postpone(store, sequence, world.clock.now() + 1)):
        with pytest.raises(Refused, match="legal: cancel, delete --force"):
            operation(world.store, number)
    assert control.cancel(world.store, number).status is Status.CANCELING
    waiting = control.submit_adhoc(world.store, Definition(internal="bulk_delete"))
    postponed = control.postpone(world.store, waiting.sequence, world.clock.now() + HOUR)
    assert postponed.reason is Reason.POSTPONED
