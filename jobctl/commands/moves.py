"""`jobctl pause`, `resume`, `cancel`, `postpone`, `rerun` and `delete`: for IDs, or for what filters choose."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

import click

from jobctl import control, logs
from jobctl.bulk import Move
from jobctl.clock import MICROSECONDS, from_datetime
from jobctl.commands.bulk import LIVE, Operation, carry_out, targets
from jobctl.commands.context import DURATION, INSTANT, App, json_option, pass_app
from jobctl.commands.results import Results, finish
from jobctl.commands.waiting import Condition, completed, moved_line, title, wait_for, words
from jobctl.errors import BadInput, Refused
from jobctl.model import State, Status, SystemJob
from jobctl.output.text import local
from jobctl.store import Store

F = TypeVar("F", bound=Callable[..., object])

PAUSE: Final = Operation("pause", control.pause, (State.READY, State.LOCKED), "paused")
RESUME: Final = Operation("resume", control.resume, (State.SUSPENDED,), "resumed")
CANCEL: Final = Operation("cancel", control.cancel, LIVE, "canceled")
CANCEL_NEXT: Final = Operation("cancel-next", control.cancel, LIVE, "canceled")
RERUN: Final = Operation("rerun", control.rerun, (State.COMPLETED,), "run again")


def wait_option(text: str) -> Callable[[F], F]:
    return click.option("--wait", is_flag=True, help=text)


@click.command()
@targets
@wait_option("Return only when all of its processes stand still.")
@json_option
@pass_app
def pause(app: App, wait: bool, as_json: bool, **options: Any) -> None:
    """Stop running system jobs where they are, until they are resumed.

    All processes of the run stop; others may use its slot. Paused time does not count towards the timeout. Filters,
    those of jobctl monitor, choose among what runs or is ready; what has not begun cannot be paused, and is named.

    \b
    jobctl pause 42
    jobctl pause --wait import
    jobctl pause --tag nightly --state locked
    """
    results = carry_out(app, PAUSE, options, as_json=as_json, wait=wait)
    if wait:
        until(app, results, is_suspended, "pause")
    finish(app, results, as_json)


@click.command()
@targets
@wait_option("Return only when it runs again, or is completed.")
@json_option
@pass_app
def resume(app: App, wait: bool, as_json: bool, **options: Any) -> None:
    """Let paused, postponed, scheduled, retrying or held system jobs go on now.

    A paused one queues for a slot and then continues where it was. A NAME may stand for the next occurrence of
    its schedule, as long as nothing else of the job goes on. Filters choose among what waits, but leave the next
    occurrences of schedules alone unless a --state, --status or --reason names them.

    \b
    jobctl resume 42
    jobctl resume --reason paused --dry-run
    """
    results = carry_out(app, RESUME, options, as_json=as_json, wait=wait)
    if wait:
        until(app, results, is_going)
    finish(app, results, as_json)


@click.command()
@targets
@click.option("--next", "next_one", is_flag=True, help="Cancel the next occurrence of the named job's schedule.")
@wait_option("Return only when all of its processes are gone.")
@json_option
@pass_app
def cancel(app: App, next_one: bool, wait: bool, as_json: bool, **options: Any) -> None:
    """Cancel system jobs, with all of their processes.

    The processes get SIGTERM, and SIGKILL after the job's grace. What waits is canceled at once. Filters choose among
    what is not completed, but leave the next occurrences of schedules alone unless a --state, --status or --reason
    names them.

    \b
    jobctl cancel 42 43
    jobctl cancel --next backup     skip the next occurrence only
    jobctl cancel --token disk --state ready --dry-run
    """
    if next_one and not options["ids"]:
        raise BadInput("--next needs the name of a job: jobctl cancel --next NAME")
    results = carry_out(app, CANCEL_NEXT if next_one else CANCEL, options, as_json=as_json, wait=wait)
    if wait:
        until(app, results, is_canceled, "cancel")
    finish(app, results, as_json, line=partial(skipped_line, app.store()) if next_one else moved_line)


@click.command()
@partial(targets, until="--created-until")
@click.option("--until", "instant", type=INSTANT, metavar="INSTANT", help="Not before this instant.")
@click.option("--for", "length", type=DURATION, metavar="DURATION", help="Later by this much.")
@wait_option("Return only when all processes of a running one stand still.")
@json_option
@pass_app
def postpone(app: App, instant: int | None, length: float | None, wait: bool, as_json: bool, **options: Any) -> None:
    """Move system jobs to a later instant.

    One that runs is paused, and continues by itself then. With --for the time is added to when it is due, or to
    now if that has passed. A NAME may stand for the next occurrence of its schedule. Filters choose among what is not
    completed.

    \b
    jobctl postpone backup --for 2h
    jobctl postpone 42 --until "tomorrow 09:00"
    jobctl postpone --tag nightly --until 06:00
    """
    if (instant is None) == (length is None):
        raise BadInput("give either --until INSTANT or --for DURATION")
    if length is not None and length <= 0:
        raise BadInput("--for needs a duration above zero")
    if instant is not None and instant <= app.clock.now() and not options["ids"]:
        raise BadInput("postpone needs an instant in the future; to run it now: jobctl resume")
    operation = Operation("postpone", later(instant, length), LIVE, "postponed", next_too=True)
    results = carry_out(app, operation, options, as_json=as_json, wait=wait)
    if wait:
        until(app, results, is_suspended, "postpone")
    finish(app, results, as_json)


def later(instant: int | None, length: float | None) -> Move:
    """Postpone until an instant (microseconds UTC), or by so many seconds."""
    from jobctl.schedule.daylight import LATEST

    def move(store: Store, sequence: int) -> SystemJob:
        if instant is not None:
            return control.postpone(store, sequence, instant)
        due = max(store.system_job(sequence).due_at, store.clock.now())
        target = due + round((length or 0) * MICROSECONDS)
        if target > from_datetime(LATEST):
            raise BadInput("--for reaches beyond the year 9999")
        return control.postpone(store, sequence, target)

    return move


@click.command()
@targets
@wait_option("Wait for the new ones to end, and exit as they did.")
@json_option
@pass_app
def rerun(app: App, wait: bool, as_json: bool, **options: Any) -> None:
    """Run completed system jobs again, as new ones.

    The new one has the same data and the job's present definition. Prints its number. Filters choose among what is
    completed.

    \b
    jobctl rerun 42
    jobctl rerun --wait import      the newest completed one of this job
    jobctl rerun --status failed --since yesterday --dry-run
    """
    results = carry_out(app, RERUN, options, as_json=as_json, wait=wait)
    if wait:
        until(app, results, completed)
    finish(app, results, as_json, verdict=wait)


@click.command()
@targets
@click.option("--force", is_flag=True, help="Stop its processes first, if any live.")
@wait_option("Return only when it is gone.")
@json_option
@pass_app
def delete(app: App, force: bool, wait: bool, as_json: bool, **options: Any) -> None:
    """Delete system jobs and their output.

    Filters leave the next occurrences of schedules alone unless a --state, --status or --reason names them.

    \b
    jobctl delete 42
    jobctl delete --force 43        also when it is running
    jobctl delete --job old --state completed
    """
    home = app.config.home

    def stored(row: SystemJob) -> None:
        if not row.has_process:
            logs.delete(home, row.sequence)

    move = partial(control.delete_row, force=force)
    operation = Operation("delete", move, tuple(State), "deleted", stored=stored)
    results = carry_out(app, operation, options, as_json=as_json, wait=wait)
    if wait:
        results.now = wait_for(app, results.now, is_gone)
    else:
        results.now = {sequence: app.store().find_system_job(sequence) for sequence in results.now}
    finish(app, results, as_json)


def skipped_line(store: Store, skipped: SystemJob) -> str:
    """`43 backup: 2026-11-22 03:00:00 +00:00 is skipped; next is 44, 2026-11-23 03:00:00 +00:00`."""
    if skipped.occurrence_at is None:
        return moved_line(skipped)
    following = store.pending_occurrence(skipped.job_id)
    rest = "nothing comes after it" if following is None else f"next is {following.sequence}, {local(following.due_at)}"
    return f"{title(skipped)}: {local(skipped.occurrence_at)} is skipped; {rest}"


def until(app: App, results: Results, condition: Condition, operation: str = "") -> None:
    """Wait until it took effect for each; one that was completed before is refused."""
    results.now = wait_for(app, results.now, lambda one: completed(one) or condition(one))
    for sequence, one in results.now.items():
        if operation and one is not None and not condition(one):
            ended = f"{title(one)} is {words(one)}: it ended before the {operation} took effect"
            results.refuse(str(sequence), Refused(ended))


def is_suspended(system_job: SystemJob | None) -> bool:
    return system_job is not None and system_job.state is State.SUSPENDED


def is_going(system_job: SystemJob | None) -> bool:
    return system_job is not None and system_job.state is State.LOCKED


def is_canceled(system_job: SystemJob | None) -> bool:
    return system_job is not None and system_job.status is Status.CANCELED


def is_gone(system_job: SystemJob | None) -> bool:
    return system_job is None
