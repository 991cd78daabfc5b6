"""System jobs that have ended, and the hands of a purge, for the tests of what is deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jobctl import control, retention
from jobctl.deletion import Deletion
from jobctl.logs import LogWriter
from jobctl.model import Definition, Reason, Status
from jobctl.purging import Purge
from jobctl.retention import Rules
from jobctl.store import Filter
from tests.store.world import HOUR, World

DAY = 24 * HOUR
RULES = Rules(completed=30 * DAY, failed=90 * DAY, logs=1 << 30)
ENDS = {
    "succeeded": (Status.SUCCEEDED, None),
    "failed": (Status.FAILED, Reason.EXIT),
    "canceled": (Status.CANCELED, Reason.USER),
}


def ended(world: World, job: str = "backup", end: str = "succeeded", output: int = 0, **submitted: Any) -> int:
    """A completed system job; `output` bytes of it are on the disk."""
    if world.store.find_job(job) is None:
        world.job(job)
    number = control.submit(world.store, job, **submitted).sequence
    world.start()
    if output:
        write_output(world, number, output)
    if end == "canceled":
        control.cancel(world.store, number)
    world.end(number, *ENDS[end], log_bytes=output)
    return number


def write_output(world: World, number: int, size: int, attempt: int = 1) -> None:
    writer = LogWriter(home(world), number, attempt, world.clock.now)
    writer.write(1, b"x" * size)
    writer.close()


def home(world: World) -> Path:
    return world.store.database.config.home


def work(world: World, number: int | None = None) -> Deletion:
    """On behalf of a system job that is running, by default a new one."""
    if number is None:
        number = control.submit_adhoc(world.store, Definition(internal="bulk_delete"), name="purge").sequence
        assert world.start() == number
    return Deletion(world.store, number, lambda seconds: None)


def purge(world: World, **filter: Any) -> Deletion:
    """A purge of what the filter chooses, from submission to its end."""
    done = work(world)
    done.delete(Purge("purge", Filter(**filter)).chosen(world.store, world.clock.now() + 1))
    done.save()
    return done


def left(world: World, job: str = "backup") -> list[int]:
    return [row.sequence for row in world.rows() if row.job == job]


def goes(world: World, rules: Rules = RULES) -> list[int]:
    return sorted({number for page in retention.chosen(world.store, rules, world.clock.now()) for number in page})


def count(world: World, table: str, column: str, number: int) -> int:
    rows = world.store.database.connection.execute(f"SELECT 1 FROM {table} WHERE {column} = ?", (number,))
    return len(rows.fetchall())
