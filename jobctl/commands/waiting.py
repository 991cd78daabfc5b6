"""Waiting for system jobs: looks at the store only when somebody committed, and holds no transaction meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from jobctl.changes import Changes as Changes
from jobctl.changes import rest as rest
from jobctl.commands.context import App
from jobctl.model import State, Status, SystemJob
from jobctl.output import escape
from jobctl.output.columns import status_words
from jobctl.output.text import local

Condition = Callable[[SystemJob | None], bool]


def wait_for(
    app: App,
    sequences: Iterable[int],
    until: Condition,
    *,
    deadline: float | None = None,
    seen: Callable[[int, SystemJob | None], None] = lambda sequence, system_job: None,
) -> dict[int, SystemJob | None]:
    """The system jobs once `until` holds for each (None: deleted), or as they are at the deadline.

    `seen` is told of each as soon as it holds.
    """
    store = app.store()
    changes = Changes(store)
    now: dict[int, SystemJob | None] = dict.fromkeys(sequences)
    pending = list(now)

    def look() -> bool:
        """Read those still waited for; whether there are any."""
        for sequence in list(pending):
            now[sequence] = store.find_system_job(sequence)
            if until(now[sequence]):
                pending.remove(sequence)
                seen(sequence, now[sequence])
        return bool(pending)

    if look():
        with progress(app, now) as show:
            show()
            while changes.wait(deadline) and look():
                show()
    return now


def completed(system_job: SystemJob | None) -> bool:
    return system_job is None or system_job.state is State.COMPLETED


def succeeded(system_job: SystemJob | None) -> bool:
    return system_job is not None and system_job.status is Status.SUCCEEDED


@contextmanager
def progress(app: App, now: dict[int, SystemJob | None]) -> Iterator[Callable[[], None]]:
    """Shows on stderr how far the waited-for system jobs are, while a person looks on."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, no_color=app.color == "never" or None, highlight=False)
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(24), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, refresh_per_second=4) as bar:
        task = bar.add_task("", total=len(now))
        yield lambda: bar.update(task, description=describe(now), completed=share_done(now))


def describe(now: dict[int, SystemJob | None]) -> str:
    """What the waited-for ones do, in one short line."""
    left = [system_job for system_job in now.values() if system_job and not completed(system_job)]
    if len(left) == 1:
        only = left[0]
        return " ".join(part for part in (title(only), words(only), escape(only.stage or "")) if part)
    return f"{len(now) - len(left)} of {len(now)} completed"


def share_done(now: dict[int, SystemJob | None]) -> float:
    return sum(1.0 if completed(one) else (one.progress or 0.0) / 100 for one in now.values() if one)


def title(system_job: SystemJob) -> str:
    """`42 backup`, safe to print."""
    return f"{system_job.sequence} {escape(system_job.job)}"


def words(system_job: SystemJob) -> str:
    """Where it stands, in one or two words: `paused`, `in progress`, `failed (exit 3)`."""
    if system_job.state is State.SUSPENDED and system_job.reason is not None:
        return system_job.reason.value.replace("_", " ")
    return status_words(system_job)


def result_line(system_job: SystemJob) -> str:
    """`42 backup: failed (exit 3): no space left`."""
    message = system_job.message if system_job.status in (Status.FAILED, Status.CANCELED) else None
    return f"{title(system_job)}: {words(system_job)}" + (f": {escape(message)}" if message else "")


def moved_line(system_job: SystemJob) -> str:
    """`42 backup: postponed until 2026-11-21 09:00:00 +01:00`."""
    until = system_job.postpone_until
    if system_job.rerun_of is not None and not completed(system_job):
        return f"{title(system_job)}: {words(system_job)}, rerun of {system_job.rerun_of}"
    if system_job.status is Status.PAUSING and system_job.due_at > (system_job.started_on or system_job.due_at):
        return f"{title(system_job)}: {words(system_job)}, until {local(system_job.due_at)}"
    if until is not None:
        return f"{title(system_job)}: {words(system_job)} until {local(until)}"
    return result_line(system_job)
