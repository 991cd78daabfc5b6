"""The options that say when a job runs, and the plan they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from jobctl.clock import to_datetime
from jobctl.commands.context import TEXT, App
from jobctl.document import instant
from jobctl.errors import BadInput

if TYPE_CHECKING:
    from jobctl.control import Planned
    from jobctl.schedule import Schedule
    from jobctl.store import Store

F = TypeVar("F", bound=Callable[..., Any])

OPTIONS: Final = (
    click.option("--now", "at_once", is_flag=True, help="Once, now."),
    click.option("--at", "at", metavar="INSTANT", type=TEXT, help="Once, at this instant."),
    click.option("--every", metavar="INTERVAL", type=TEXT, help="Repeatedly: 30s, 2h30m, day, '2 weeks', month."),
    click.option("--cron", metavar="EXPRESSION", type=TEXT, help="Five cron fields, or @daily and the like."),
    click.option("--start", metavar="INSTANT", type=TEXT, help="Not before; --every counts from here."),
    click.option("--end", metavar="INSTANT", type=TEXT, help="Not after; a bare date includes that day."),
    click.option("--count", metavar="N", type=click.IntRange(min=1), help="End after so many occurrences."),
    click.option("--tz", metavar="ZONE", type=TEXT, help="Time zone by name.  [default: this machine's]"),
)
PAST_AFTER: Final = 5_000_000
"""Microseconds by which an instant must be over to be worth a word."""
WHEN: Final = "--now, --at INSTANT, --every INTERVAL or --cron EXPRESSION"


def when_options(function: F) -> F:
    """All options that say when, as arguments `at_once at every cron start end count tz`."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function


def planned(app: App, options: Mapping[str, Any]) -> Planned | None:
    """The plan that the options make, or None when none of them was given."""
    from jobctl.control import Planned
    from jobctl.schedule.instants import parse_end, parse_instant
    from jobctl.schedule.zones import local_zone_name, zone

    notation = chosen(options)
    if notation is None:
        return None
    name = options["tz"] or local_zone_name()
    tz, now = zone(name), app.clock.now()

    def moment(option: str, parse: Callable[..., int]) -> int | None:
        text = options[option]
        return None if text is None else named(option, lambda: parse(text, now, tz))

    start, end = moment("start", parse_instant), moment("end", parse_end)
    if start is not None and end is not None and end < start:
        raise BadInput("--end is before --start")
    return Planned(spec(notation, options, now, moment("at", parse_instant)), name, start, end, options["count"])


def named(option: str, parse: Callable[[], int]) -> int:
    """What `parse` gives; its complaint begins with the option's name."""
    try:
        return parse()
    except BadInput as error:
        raise BadInput(f"--{option}: {error}") from None


def chosen(options: Mapping[str, Any]) -> str | None:
    """Which of the notations was asked for; limits without one, or that do not go with it, are refused."""
    given = [name for name in ("at_once", "at", "every", "cron") if options[name]]
    if len(given) > 1:
        raise BadInput(f"give one of {WHEN}, not several")
    notation = given[0] if given else None
    limits = [f"--{name}" for name in ("start", "end", "count", "tz") if options[name] is not None]
    if notation is None and limits:
        raise BadInput(f"{limits[0]} needs a schedule: {WHEN}")
    if notation in ("at_once", "at"):
        wrong = [limit for limit in limits if limit != "--tz"]
        if wrong:
            raise BadInput(f"{wrong[0]} is for a schedule that repeats; --now and --at run once")
    return notation


def spec(notation: str, options: Mapping[str, Any], now: int, at: int | None) -> dict[str, Any]:
    """What is stored of a schedule, in its own notation."""
    if notation == "every":
        return {"notation": "every", "every": options["every"]}
    if notation == "cron":
        return {"notation": "cron", "expression": options["cron"]}
    return {"notation": "once", "at": instant(now if at is None else at)}


def schedule_from(plan: Planned, anchor: int) -> Schedule:
    """The schedule of a plan that is not stored, as if it were made at `anchor`."""
    from jobctl.schedule import build

    def moment(value: int | None) -> datetime | None:
        return None if value is None else to_datetime(value)

    start, end = moment(plan.start_at), moment(plan.end_at)
    return build(plan.spec, time_zone=plan.time_zone, start=start, end=end, anchor=to_datetime(anchor))


def check(app: App, plan: Planned) -> None:
    """Raise BadInput for a plan that can never occur, before anything is stored."""
    now = app.clock.now()
    if plan.end_at is not None and plan.end_at < now:
        raise BadInput("--end lies in the past")
    schedule_from(plan, now)


def echo(app: App, store: Store, name: str) -> list[str]:
    """What a person checks a new schedule by: its words, and its first instant with the zone."""
    from jobctl import control
    from jobctl.output.text import relative
    from jobctl.schedule.instants import format_local
    from jobctl.schedule.zones import zone

    job = store.job(name)
    if job.plan is None or not job.plan.active:
        return []
    lines = [control.schedule_of(job.plan).describe()]
    pending = store.pending_occurrence(job.id)
    if pending is not None:
        at = pending.occurrence_at or pending.due_at
        when = format_local(at, zone(job.plan.time_zone))
        past = app.clock.now() - at > PAST_AFTER
        distance = relative(at, app.clock.now()) + (", in the past: it runs now" if past else "")
        lines.append(f"first: {when} {job.plan.time_zone} ({distance})")
    return lines
