"""The daemon's signs of life, and when it missed its turns."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobctl import presence
from jobctl.config import Config, ensure_home
from jobctl.locks import FileLock
from jobctl.presence import BEAT, STANDSTILL, Pulse
from tests.store.world import SECOND, START, FakeClock


@pytest.fixture
def config(tmp_path: Path) -> Config:
    made = Config(tmp_path / "home")
    ensure_home(made)
    return made


def take(config: Config) -> tuple[FileLock, int | None]:
    lock = FileLock(config.daemon_lock)
    return lock, presence.take(config, lock, False, None)


def test_the_first_daemon_finds_no_sign(config: Config) -> None:
    assert presence.last_seen(config) is None
    migrating = FileLock(config.daemon_lock)  # a command holds it while it migrates the database
    assert migrating.acquire() and presence.last_seen(config) is None
    migrating.release()
    assert take(config)[1] is None


def test_a_sign_outlives_the_one_who_gave_it_and_those_who_give_none(config: Config) -> None:
    first, _ = take(config)
    Pulse(config, FakeClock()).beat()
    first.release()
    for _ in range(2):  # the first of them ends before it has taken a turn
        lock, seen = take(config)
        assert seen == START == presence.last_seen(config)
        lock.release()


def test_a_sign_is_given_at_every_turn_but_not_all_the_time(config: Config) -> None:
    lock, _ = take(config)
    clock = FakeClock()
    pulse = Pulse(config, clock)
    shown = []
    for _ in range(12):
        pulse.beat()
        shown.append(((presence.last_seen(config) or 0) - START) // SECOND)
        clock.advance(SECOND)
    assert BEAT == 5.0 and shown == [0, 0, 0, 0, 0, 5, 5, 5, 5, 5, 10, 10]
    clock.instant = START - 3600 * SECOND  # the clock was set back: the sign is true again at once
    pulse.beat()
    assert presence.last_seen(config) == clock.instant
    lock.release()


def test_a_missed_turn_is_noticed(config: Config) -> None:
    clock = FakeClock()
    pulse = Pulse(config, clock)
    pulse.beat()
    clock.advance(round(STANDSTILL) * SECOND)
    pulse.beat()
    assert pulse.standstill is None
    clock.advance(round(STANDSTILL + 1) * SECOND)
    pulse.beat()
    assert pulse.standstill == (clock.now() - round(STANDSTILL + 1) * SECOND, clock.now())


def test_without_its_file_the_daemon_goes_on(config: Config) -> None:
    Pulse(Config(config.home / "gone"), FakeClock()).beat()
