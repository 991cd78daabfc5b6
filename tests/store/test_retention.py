"""What of history goes by itself, and how the daemon finds that something has to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jobctl import control, retention
from jobctl.config import Config
from jobctl.control import Conditions
from jobctl.errors import BadInput, Refused
from jobctl.model import State, SystemJob
from jobctl.retention import Keep, Rules, Watch, parse_keep, parse_size
from jobctl.store import Filter
from tests.store.history import DAY, ENDS, RULES, ended, goes, left, work
from tests.store.world import HOUR, MINUTE, SECOND, World

# Rules


@pytest.mark.parametrize(
    ("text", "keep"),
    [
        ("all", Keep()),
        ("failed", Keep(successes=False)),
        ("10", Keep(newest=10)),
        ("30d", Keep(younger=30 * DAY)),
        ("PT1H", Keep(younger=HOUR)),
    ],
)
def test_keep_is_a_word_a_number_or_a_duration(text: str, keep: Keep) -> None:
    assert parse_keep(text) == keep


@pytest.mark.parametrize("text", ["", "none", "0", "100001", "-1", "٣", "1" * 30, "30 apples", "1.5", "1e3"])
def test_nothing_else_can_be_kept(text: str) -> None:
    with pytest.raises(BadInput):
        parse_keep(text)


def test_sizes_take_units() -> None:
    assert [parse_size(text) for text in ("512", "1k", "1.5M", "2 GiB", "1gb")] == [
        512,
        1024,
        3 << 19,
        2 << 30,
        1 << 30,
    ]
    for text in ("", "1X", "-1", "1GG", "٣", "1" * 40):
        with pytest.raises(BadInput):
            parse_size(text)


def test_settings_say_the_rules_and_off_ends_them() -> None:
    assert Rules.read(Config(Path("/"))) == RULES
    config = Config(Path("/"), retention="off", retention_failed="1w", retention_logs="OFF")
    assert Rules.read(config) == Rules(None, 7 * DAY, None)
    assert Rules.of(json.loads(json.dumps(Rules.read(config).document()))) == Rules(None, 7 * DAY, None)
    with pytest.raises(BadInput, match="JOBCTL_RETENTION_LOGS"):
        Rules.read(Config(Path("/"), retention_logs="much"))


# What goes


def test_completed_ones_go_after_thirty_days_and_failed_ones_after_ninety(world: World) -> None:
    old = {end: ended(world, end=end) for end in ENDS}
    world.clock.advance(30 * DAY)
    assert goes(world) == []
    world.clock.advance(SECOND)
    young = ended(world)
    assert goes(world) == sorted([old["succeeded"], old["canceled"]])
    assert goes(world, Rules(None, None, None)) == []
    assert goes(world, Rules(None, DAY, None)) == [old["failed"]]
    world.clock.advance(60 * DAY)
    assert goes(world) == sorted([*old.values(), young])


def test_what_is_not_completed_never_goes(world: World) -> None:
    world.job("backup", retries=1, concurrency=1)
    running = control.submit(world.store, "backup").sequence
    world.start()
    waiting = control.submit(world.store, "backup").sequence
    later = control.submit(world.store, "backup", at=world.clock.now() + 400 * DAY).sequence
    after = control.submit(world.store, "backup", conditions=Conditions(event="news")).sequence
    world.clock.advance(200 * DAY)
    assert goes(world) == []
    done = work(world, running)
    done.delete([[running, waiting, later, after]])
    assert done.tally.deleted == 0 and left(world) == [running, waiting, later, after]


def test_of_a_job_the_newest_are_kept_however_old_they_are(world: World) -> None:
    world.job("backup", keep="2")
    numbers = [ended(world, end="failed" if index % 2 else "succeeded") for index in range(5)]
    assert goes(world) == numbers[:3]
    world.clock.advance(1000 * DAY)
    assert goes(world) == numbers[:3]


def test_of_a_job_the_last_days_are_kept_longer_or_shorter_than_of_others(world: World) -> None:
    world.job("short", keep="1d")
    world.job("long", keep="100d")
    short, long, other = (ended(world, name) for name in ("short", "long", "other"))
    failed = ended(world, "short", "failed")
    world.clock.advance(2 * DAY)
    assert goes(world) == [short, failed]
    world.clock.advance(90 * DAY)
    assert goes(world) == [short, other, failed]
    world.clock.advance(9 * DAY)
    assert goes(world) == [short, long, other, failed]


def test_successes_that_are_not_kept_go_after_a_minute(world: World) -> None:
    world.job("backup", keep="failed")
    old = [ended(world, end=end) for end in ENDS]
    world.clock.advance(MINUTE)
    new = ended(world)
    assert goes(world) == []
    world.clock.advance(1)
    assert goes(world) == old[:1]
    world.clock.advance(31 * DAY)
    assert goes(world) == [old[0], old[2], new], "the general ages hold for the others"


def test_who_is_waited_for_stays(world: World) -> None:
    """Completing one settles all that waits for it; should anything be left open, its predecessor stays."""
    world.job("backup", keep="failed")
    first, other = ended(world), ended(world)
    second = control.submit(world.store, "backup", conditions=Conditions(event="news")).sequence
    with world.store.write() as tx:
        tx.database.run("insert_wait", {"sequence": second, "after": first, "condition": "success", "met_on": None})
    done = work(world)
    done.delete([[first, other]])
    assert (done.tally.deleted, left(world)) == (1, [first, second])
    control.cancel(world.store, second)
    done.delete([[first]])
    assert left(world) == [second]


# The daemon's look, and its pass


def watch(world: World, rules: Rules = RULES) -> Watch:
    return Watch(rules, world.clock)


def submitted(world: World, looking: Watch) -> list[SystemJob]:
    if looking.look(world.store):
        with world.store.write() as tx:
            looking.submit(tx)
    return world.store.system_jobs(Filter(operation_type=14))


def test_where_nothing_has_to_go_there_is_no_pass(world: World) -> None:
    world.job("short", keep="1d")
    world.job("few", keep="3")
    world.job("quiet", keep="failed")
    for name in ("backup", "short", "few"):
        ended(world, name, output=100)
    ended(world, "quiet", "failed")
    assert submitted(world, watch(world)) == []


@pytest.mark.parametrize(
    ("definition", "rules", "ends", "later", "due"),
    [
        ({}, RULES, ["succeeded"], 31 * DAY, True),
        ({}, RULES, ["failed"], 31 * DAY, False),
        ({}, RULES, ["failed"], 91 * DAY, True),
        ({}, Rules(None, None, None), ["succeeded", "failed"], 400 * DAY, False),
        ({"keep": "100d"}, RULES, ["succeeded", "failed"], 99 * DAY, False),
        ({"keep": "100d"}, RULES, ["succeeded", "failed"], 101 * DAY, True),
        ({"keep": "1d"}, RULES, ["failed"], 2 * DAY, True),
        ({"keep": "2"}, RULES, ["failed", "succeeded"], 400 * DAY, False),
        ({"keep": "2"}, RULES, ["failed", "succeeded", "canceled"], 0, True),
        ({"keep": "failed"}, RULES, ["failed", "canceled"], DAY, False),
        ({"keep": "failed"}, RULES, ["failed", "succeeded"], 30 * SECOND, False),
        ({"keep": "failed"}, RULES, ["failed", "succeeded"], 2 * MINUTE, True),
        ({}, Rules(None, None, 250), ["succeeded", "succeeded"], 0, False),
        ({}, Rules(None, None, 250), ["succeeded", "failed", "succeeded"], 0, True),
    ],
)
def test_a_pass_is_due_when_something_has_to_go(
    world: World, definition: dict[str, Any], rules: Rules, ends: list[str], later: int, due: bool
) -> None:
    world.job("backup", **definition)
    for end in ends:
        ended(world, end=end, output=100)
    world.clock.advance(later)
    assert bool(submitted(world, watch(world, rules))) is due
    assert bool(goes(world, rules)) is due or rules.logs == 250


def test_the_pass_is_jobctls_own(world: World) -> None:
    ended(world)
    world.clock.advance(31 * DAY)
    (row,) = submitted(world, watch(world))
    assert (row.operation_type, row.platform, row.job, row.owner) == (14, True, retention.JOB, "jobctl")
    assert row.state is State.READY and row.priority < 0
    assert Rules.of(json.loads(str(world.store.payload(row.sequence)[0]))["rules"]) == RULES
    assert row.sequence not in [one.sequence for one in world.rows()], "hidden unless the type is asked for"
    assert retention.JOB not in world.store.job_names()
    for operation in (control.pause, control.resume, control.cancel):
        with pytest.raises(Refused):
            operation(world.store, row.sequence)


def test_it_looks_once_an_hour_and_has_one_pass_at_a_time(world: World) -> None:
    looking = watch(world)
    assert submitted(world, looking) == []
    ended(world)
    world.clock.advance(31 * DAY)
    looking.next_look = looking.clock.monotonic() + 1
    assert submitted(world, looking) == [], "not looked again yet"
    world.clock.advance(2 * SECOND)
    (first,) = submitted(world, looking)
    world.clock.advance(2 * HOUR)
    assert submitted(world, looking) == [first], "the first has not ended"
    assert submitted(world, watch(world)) == [first], "nor does another daemon submit one"
    world.start()
    done = work(world, first.sequence)
    done.delete(retention.chosen(world.store, RULES, world.clock.now()))
    world.end(first.sequence)
    world.clock.advance(2 * HOUR)
    assert len(submitted(world, looking)) == 1, "all is gone"


def test_its_own_passes_are_no_reason_for_another(world: World) -> None:
    ended(world)
    rules = Rules(HOUR, HOUR, None)
    for expected in (1, 1, 1):
        world.clock.advance(2 * HOUR)
        rows = submitted(world, watch(world, rules))
        assert len(rows) == expected
        if rows[0].state is State.READY:
            world.start()
            work(world, rows[0].sequence).delete(retention.chosen(world.store, rules, world.clock.now()))
            world.end(rows[0].sequence)
    ended(world)
    world.clock.advance(2 * HOUR)
    (last, first) = submitted(world, watch(world, rules))
    assert goes(world, rules) == [first.sequence, first.sequence + 1] and last.state is State.READY


def test_after_a_jump_of_the_clock_it_waits(world: World) -> None:
    ended(world)
    looking = watch(world)
    world.clock.advance(400 * DAY)
    looking.put_off()
    assert submitted(world, looking) == []
    world.clock.advance(HOUR)
    assert len(submitted(world, looking)) == 1


def test_what_the_last_pass_left_is_not_counted_again(world: World) -> None:
    for _ in range(3):
        ended(world, output=100)
        world.clock.advance(SECOND)
    rules = Rules(None, None, 250)
    (row,) = submitted(world, watch(world, rules))
    world.start()
    done = work(world, row.sequence)
    done.save(logs_left=200, logs_through=world.clock.now())
    world.end(row.sequence)
    world.clock.advance(SECOND)
    assert len(submitted(world, watch(world, rules))) == 1
    ended(world, output=51)
    assert len(submitted(world, watch(world, rules))) == 2


def test_long_counts_are_spread_over_turns(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "LOOK", 2)
    for _ in range(5):
        ended(world, output=100)
        world.clock.advance(SECOND)
    looking = watch(world, Rules(None, None, 450))
    turns = 0
    while not looking.look(world.store):
        turns += 1
        assert turns < 5 and looking.next_look <= world.clock.monotonic()
    assert turns == 2 and looking.logs.size == 500


def test_many_that_have_to_stay_do_not_hide_those_that_have_to_go(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "LOOK", 3)
    world.job("kept", keep="400d")
    for _ in range(3):
        ended(world, "kept")
        world.clock.advance(1)
    gone = ended(world)
    world.clock.advance(31 * DAY)
    assert submitted(world, watch(world)) and goes(world) == [gone]
