"""What could keep jobctl from doing its work here: each check answers in one sentence and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from jobctl.clock import Clock
from jobctl.config import Config
from jobctl.doctor import home, jobs, machine, work
from jobctl.doctor.checks import Check, Level, fail, ok
from jobctl.errors import JobctlError
from jobctl.store import Store


def examine(config: Config, clock: Clock) -> Iterator[Check]:
    """All checks, in the order in which a person would look."""
    yield machine.kernel()
    yield machine.engine()
    yield from machine.time_zones()
    present = home.home(config)
    yield present
    if present.level is Level.FAIL:
        return
    yield home.file_system(config.home)
    yield home.space(config.home)
    if not config.database.exists():
        yield ok("database", f"{config.database} is not there yet; the first command that stores something makes it")
        yield work.daemon(config, None)
        return
    yield home.permissions(config)
    yield home.links(config)
    yield home.contents(config)
    sound = home.integrity(config)
    yield sound
    if sound.level is not Level.FAIL:
        yield from _with_store(config, clock)


def _with_store(config: Config, clock: Clock) -> Iterator[Check]:
    """The checks that read jobs and system jobs."""
    try:
        with Store.open(config, clock, "jobctl") as store:
            yield work.wall_clock(store)
            yield work.clock_jumps(store)
            yield work.daemon(config, store)
            yield work.runners(store)
            yield from jobs.jobs(store)
    except JobctlError as error:
        yield fail("store", str(error))
