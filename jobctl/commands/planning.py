"""The options that say when a job runs, and the plan they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from jobctl.clock import MICROSECONDS, from_datetime, to_datetime
from jobctl.commands.context import DURATION, PAST_AFTER, TEXT, App
from jobctl.document import instant
from jobctl.errors import BadInput

if TYPE_CHECKING:
    from jobctl.schedule import Schedule
    from jobctl.scheduling import Planned, Policies
    from jobctl.store import Store

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

NOTATIONS: Final = {
    "at_once": "--now",
    "at": "--at",
    "every": "--every",
    "cron": "--cron",
    "quartz": "--quartz",
    "rrule": "--rrule",
    "recurrence": "--recurrence",
    "on_start": "--on-start",
}
"""The options that say when, one of which is given."""
LIMITS: Final = ("start", "end", "count", "tz", "skip")
POLICIES: Final = ("jitter", "overlap", "catch_up", "catch_up_window", "late_limit")

WHEN_OPTIONS: Final = (
    click.option("--now", "at_once", is_flag=True, help="Once, now."),
    click.option("--at", metavar="INSTANT|TIMES", type=TEXT, help="Once, at this instant; with --every, times of day."),
    click.option("--every", metavar="INTERVAL", type=TEXT, help="Repeatedly: 30s, 2h30m, day, '2 weeks', month."),
    click.option("--on", metavar="DAYS", type=TEXT, help="With --every: mon,fri; weekdays; 1,15,-1; last-fri."),
    click.option("--cron", metavar="EXPRESSION", type=TEXT, help="Five cron fields, or @daily and the like."),
    click.option("--quartz", metavar="EXPRESSION", type=TEXT, help="Six or seven Quartz fields, seconds first."),
    click.option("--rrule", metavar="RULE", type=TEXT, help="An iCalendar rule: 'FREQ=WEEKLY;BYDAY=MO'."),
    click.option("--recurrence", metavar="JSON|@FILE|-", help="An Azure Scheduler recurrence."),
    click.option("--on-start", "on_start", is_flag=True, help="Once after each start of the machine."),
    click.option("--start", metavar="INSTANT", type=TEXT, help="Not before; intervals count from here."),
    click.option("--end", metavar="INSTANT", type=TEXT, help="Not after; a bare date includes that day."),
    click.option("--count", metavar="N", type=click.IntRange(1, 999_999_999), help="End after so many runs."),
    click.option("--tz", metavar="ZONE", type=TEXT, help="Time zone by name.  [default: this machine's]"),
    click.option("--skip", metavar="DATES|@FILE", help="Not on these dates; a file of dates or an iCalendar file."),
)
POLICY_OPTIONS: Final = (
    click.option("--jitter", metavar="D", type=DURATION, help="Delay by an amount within D, the same each time."),
    click.option(
        "--overlap",
        type=click.Choice(["skip", "queue", "allow", "replace"]),
        help="If the previous run is still active.  [default: skip]",
    ),
    click.option(
        "--catch-up",
        "catch_up",
        type=click.Choice(["latest", "all", "none"]),
        help="Which missed runs are made up for.  [default: latest; none for --recurrence]",
    ),
    click.option("--catch-up-window", metavar="D", type=DURATION, help="Make up for none that is later than D."),
    click.option("--late-limit", metavar="D", type=DURATION, help="Do not begin one more than D after its instant."),
)
WHEN: Final = "--now, --at, --every, --cron, --quartz, --rrule, --recurrence or --on-start"


def when_options(function: F) -> F:
    """All options that say when."""
    return _decorated(function, WHEN_OPTIONS)


def policy_options(function: F) -> F:
    """The options that say what becomes of late and overlapping occurrences."""
    return _decorated(function, POLICY_OPTIONS)


def _decorated(function: F, options: tuple[Callable[[F], F], ...]) -> F:
    for option in reversed(options):
        function = option(function)
    return function


def planned(app: App, options: Mapping[str, Any]) -> Planned | None:
    """The plan that the options make, or None when none of them was given."""
    from jobctl.schedule import own_terms
    from jobctl.schedule.instants import parse_end, parse_instant
    from jobctl.schedule.zones import local_zone_name, zone
    from jobctl.scheduling import Planned

    notation = chosen(options)
    if notation is None:
        return None
    now = app.clock.now()
    tz = zone(options["tz"] or local_zone_name())

    def moment(option: str, parse: Callable[..., int]) -> int | None:
        text = options[option]
        return None if text is None else named(option, lambda: parse(text, now, tz))

    at = moment("at", parse_instant) if notation == "at" else now
    written = spec(notation, options, at)
    own = own_terms(written, options["tz"])
    start, end = moment("start", parse_instant), moment("end", parse_end)
    values = {"start": start, "end": end, "count": options["count"]}
    for name, own_value in (("start", own.start), ("end", own.end), ("count", own.count)):
        if own_value is None:
            continue
        if values[name] is not None:
            raise BadInput(f"--{name} is given, and {NOTATIONS[notation]} says it, too; give one of them")
        values[name] = from_datetime(own_value) if isinstance(own_value, datetime) else own_value
    if start is not None and end is not None and end < start:
        raise BadInput("--end is before --start")
    time_zone = options["tz"] or own.time_zone or local_zone_name()
    policy = policies(notation, options, own.catch_up)
    return Planned(written, time_zone, values["start"], values["end"], values["count"], policy)


def named(option: str, parse: Callable[[], T]) -> T:
    """What `parse` gives; its complaint begins with the option's name."""
    try:
        return parse()
    except BadInput as error:
        raise BadInput(f"--{option}: {error}") from None


def chosen(options: Mapping[str, Any]) -> str | None:
    """Which of the notations was asked for; limits without one, or that do not go with it, are refused."""
    given = [name for name in NOTATIONS if options[name] not in (None, False)]
    if options["every"] and options["at"]:
        given.remove("at")  # the times of day of an interval
    if len(given) > 1:
        raise BadInput(f"give one of {WHEN}, not several")
    notation = given[0] if given else None
    if options["on"] and notation != "every":
        raise BadInput("--on names the days of an interval: it goes with --every, as in --every week --on mon,fri")
    limits = [f"--{name}" for name in LIMITS if options[name] is not None]
    if notation is None and limits:
        raise BadInput(f"{limits[0]} needs a schedule: {WHEN}")
    fitting = {
        "at_once": ("--tz", "--end"),
        "at": ("--tz", "--end"),
        "on_start": ("--tz", "--end", "--count"),
        "recurrence": ("--tz", "--skip"),
    }.get(notation or "")
    wrong = [limit for limit in limits if fitting is not None and limit not in fitting]
    if wrong and notation == "recurrence":
        raise BadInput(f"{wrong[0]} does not go with --recurrence: startTime, endTime and count stand in its JSON")
    if wrong and notation == "on_start":
        raise BadInput(f"{wrong[0]} does not go with --on-start: it follows no calendar")
    if wrong:
        raise BadInput(f"{wrong[0]} is for a schedule that repeats; --now and --at run once")
    return notation


def spec(notation: str, options: Mapping[str, Any], at: int | None) -> dict[str, Any]:
    """What is stored of a schedule, in its own notation."""
    written: dict[str, Any]
    if notation == "every" and (options["on"] or options["at"]):
        written = {"notation": "frequency", **{name: options[name] for name in ("every", "on", "at") if options[name]}}
    elif notation == "every":
        written = {"notation": "every", "every": options["every"]}
    elif notation in ("cron", "quartz"):
        written = {"notation": notation, "expression": options[notation]}
    elif notation == "rrule":
        written = {"notation": "rrule", "rule": options["rrule"]}
    elif notation == "recurrence":
        from jobctl.commands.reading import read_text
        from jobctl.schedule.azure import read

        written = read(read_text(options["recurrence"], "--recurrence"))
    elif notation == "on_start":
        written = {"notation": "on_start"}
    else:
        written = {"notation": "once", "at": instant(at)}
    if options["skip"] is not None:
        from jobctl.schedule.holidays import read_skip

        written["skip"] = named("skip", lambda: read_skip(options["skip"]))
    return written


def policies(notation: str, options: Mapping[str, Any], catch_up: str | None) -> Policies:
    """What the options say of late and overlapping occurrences; `catch_up` is the notation's own default."""
    from jobctl.scheduling import Policies

    changes = policy_changes(options)
    once = notation in ("at_once", "at", "on_start")
    if once and ("catch_up" in changes or "catch_up_window" in changes):
        raise BadInput(
            f"--catch-up is for a schedule of many instants; {NOTATIONS[notation]} has one, and runs it late"
        )
    if catch_up is not None and "catch_up" not in changes:
        changes |= policy_changes({**options, "catch_up": catch_up})
    return Policies(**changes)


def policy_changes(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of Policies that the options name, with their values."""
    from jobctl.model import CatchUp, Overlap

    given = {name: options[name] for name in POLICIES if options.get(name) is not None}
    if given.get("catch_up") == "none" and "catch_up_window" in given:
        raise BadInput("--catch-up-window limits what is made up for, and --catch-up none makes up for nothing")
    read: dict[str, Callable[[Any], Any]] = {"overlap": Overlap, "catch_up": CatchUp}
    return {name: read.get(name, _microseconds)(value) for name, value in given.items()}


def _microseconds(seconds: float) -> int:
    return round(seconds * MICROSECONDS)


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
    from jobctl import scheduling
    from jobctl.output.text import relative
    from jobctl.schedule.instants import format_local
    from jobctl.schedule.zones import zone

    job = store.job(name)
    if job.plan is None or not job.plan.active:
        return []
    lines = [scheduling.schedule_of(job.plan).describe()]
    pending = store.pending_occurrence(job.id)
    if pending is not None:
        at = pending.occurrence_at or pending.due_at
        when = format_local(at, zone(job.plan.time_zone))
        past = app.clock.now() - at > PAST_AFTER
        distance = relative(at, app.clock.now()) + (", in the past: it runs now" if past else "")
        lines.append(f"first: {when} {job.plan.time_zone} ({distance})")
    return lines
