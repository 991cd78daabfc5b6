"""`jobctl pause`, `resume`, `cancel`, `postpone`, `rerun` and `delete`: each for one system job or several."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import click

from jobctl import control
from jobctl.clock import MICROSECONDS, from_datetime
from jobctl.commands.context import DURATION, ID, INSTANT, App, json_option, note_daemon, pass_app
from jobctl.commands.results import Results, finish
from jobctl.commands.waiting import Condition, completed, title, wait_for, words
from jobctl.errors import BadInput, NotFound, Refused
from jobctl.model import State, Status, SystemJob
from jobctl.store import Store

F = TypeVar("F", bound=Callable[..., object])
Move = Callable[[Store, int], SystemJob]

ids_argument = click.argument("ids", type=ID, nargs=-1, required=True, metavar="ID...")


def wait_option(text: str) -> Callable[[F], F]:
    return click.option("--wait", is_flag=True, help=text)


@click.command()
@ids_argument
@wait_option("Return only when all of its processes stand still.")
@json_option
@pass_app
def pause(app: App, ids: tuple[str, ...], wait: bool, as_json: bool) -> None:
    """Stop running system jobs where they are, until they are resumed.

    All processes of the run stop; others may use its slot. Paused time does not count towards the timeout.

    \b
    jobctl pause 42
    jobctl pause --wait import
    """
    results = each(app, ids, "pause", control.pause)
    if wait:
        until(app, results, is_suspended, "pause")
    finish(app, results, as_json)


@click.command()
@ids_argument
@wait_option("Return only when it runs again, or is completed.")
@json_option
@pass_app
def resume(app: App, ids: tuple[str, ...], wait: bool, as_json: bool) -> None:
    """Let paused, postponed, scheduled, retrying or held system jobs go on now.

    A paused one queues for a slot and then continues where it was. A NAME may stand for the next occurrence of
    its schedule.

    \b
    jobctl resume 42
    """
    results = each(app, ids, "resume", control.resume)
    if wait:
        until(app, results, is_going)
    finish(app, results, as_json)


@click.command()
@click.argument("ids", type=ID, nargs=-1, required=True, metavar="ID...")
@click.option("--next", "next_one", is_flag=True, help="Cancel the next occurrence of the named job's schedule.")
@wait_option("Return only when all of its processes are gone.")
@json_option
@pass_app
def cancel(app: App, ids: tuple[str, ...], next_one: bool, wait: bool, as_json: bool) -> None:
    """Cancel system jobs, with all of their processes.

    The processes get SIGTERM, and SIGKILL after the job's grace. What waits is canceled at once.

    \b
    jobctl cancel 42 43
    jobctl cancel --next backup     skip the next occurrence only
    """
    results = each(app, ids, "cancel-next" if next_one else "cancel", control.cancel)
    if wait:
        until(app, results, is_canceled, "cancel")
    finish(app, results, as_json)


@click.command()
@ids_argument
@click.option("--until", "instant", type=INSTANT, metavar="INSTANT", help="Not before this instant.")
@click.option("--for", "length", type=DURATION, metavar="DURATION", help="Later by this much.")
@wait_option("Return only when all processes of a running one stand still.")
@json_option
@pass_app
def postpone(
    app: App, ids: tuple[str, ...], instant: int | None, length: float | None, wait: bool, as_json: bool
) -> None:
    """Move system jobs to a later instant.

    One that runs is paused, and continues by itself then. With --for the time is added to when it is due, or to
    now if that has passed. A NAME may stand for the next occurrence of its schedule.

    \b
    jobctl postpone backup --for 2h
    jobctl postpone 42 --until "tomorrow 09:00"
    """
    if (instant is None) == (length is None):
        raise BadInput("give either --until INSTANT or --for DURATION")
    if length is not None and length <= 0:
        raise BadInput("--for needs a duration above zero")

    from jobctl.schedule.daylight import LATEST

    def move(store: Store, sequence: int) -> SystemJob:
        if instant is not None:
            return control.postpone(store, sequence, instant)
        due = max(store.system_job(sequence).due_at, store.clock.now())
        later = due + round((length or 0) * MICROSECONDS)
        if later > from_datetime(LATEST):
            raise BadInput("--for reaches beyond the year 9999")
        return control.postpone(store, sequence, later)

    results = each(app, ids, "postpone", move)
    if wait:
        until(app, results, is_suspended, "postpone")
    finish(app, results, as_json)


@click.command()
@ids_argument
@wait_option("Wait for the new ones to end, and exit as they did.")
@json_option
@pass_app
def rerun(app: App, ids: tuple[str, ...], wait: bool, as_json: bool) -> None:
    """Run completed system jobs again, as new ones.

    The new one has the same data and the job's present definition. Prints its number.

    \b
    jobctl rerun 42
    jobctl rerun --wait import      the newest completed one of this job
    """
    results = each(app, ids, "rerun", control.rerun)
    if wait:
        until(app, results, completed)
    finish(app, results, as_json, verdict=wait)


@click.command()
@ids_argument
@click.option("--force", is_flag=True, help="Stop its processes first, if any live.")
@wait_option("Return only when it is gone.")
@json_option
@pass_app
def delete(app: App, ids: tuple[str, ...], force: bool, wait: bool, as_json: bool) -> None:
    """Delete system jobs and their output.

    \b
    jobctl delete 42
    jobctl delete --force 43        also when it is running
    """
    results = each(app, ids, "delete", lambda store, sequence: control.delete(store, sequence, force))
    if wait:
        results.now = wait_for(app, results.now, is_gone)
    else:
        results.now = {sequence: app.store().find_system_job(sequence) for sequence in results.now}
    finish(app, results, as_json)


def each(app: App, ids: Iterable[str], verb: str, move: Move) -> Results:
    """What became of each: those refused or not found are told of, the others are done."""
    store, results = app.store(), Results()
    for text in ids:
        try:
            results.add(move(store, control.resolve(store, text, verb).sequence))
        except (Refused, NotFound, BadInput) as error:
            results.refuse(text, error)
    if any(not completed(one) for one in results.now.values()):
        note_daemon(app)
    return results


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
