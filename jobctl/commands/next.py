"""`jobctl next`: preview the occurrences of a schedule, of a job, or of all jobs, as a list or as a calendar."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any, Final

import click

from jobctl.clock import from_datetime, to_datetime
from jobctl.coming import Coming, of_job
from jobctl.commands.context import INSTANT, NAME, App, InstantType, format_option, note, pass_app
from jobctl.commands.planning import WHEN, planned, schedule_from, when_options
from jobctl.errors import BadInput, Refused
from jobctl.output.columns import Occurrence
from jobctl.records import replace

if TYPE_CHECKING:
    from jobctl.output.calendar_view import Calendar
    from jobctl.store import Store

MOST: Final = 10_000
DEFAULT: Final = 10
DEFAULT_OF_ALL: Final = 20
DEFAULT_UNTIL: Final = 1000
"""How many are listed without -n: of one schedule, of all jobs, and up to an instant."""


class UntilType(InstantType):
    """The last instant of a list; a bare date includes that day."""

    parser = "parse_end"


class UnitType(click.Choice[str]):
    """What a calendar shows; without a value, a month."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self.choices:
            self.fail(f"{value!a} is not month or week; a job's name goes before --calendar", param, ctx)
        return str(value)


@click.command(name="next")
@click.argument("name", type=NAME, required=False)
@click.option("--all", "everything", is_flag=True, help="The agenda of all jobs.")
@when_options
@click.option("-n", "number", metavar="N", type=click.IntRange(1, MOST), help="How many.  [default: 10; 20 with --all]")
@click.option("--from", "start_from", metavar="INSTANT", type=INSTANT, help="As if it were made then.  [default: now]")
@click.option("--until", metavar="INSTANT", type=UntilType(), help="Not after; a bare date includes that day.")
@click.option(
    "--calendar",
    "unit",
    type=UnitType(["month", "week"]),
    is_flag=False,
    flag_value="month",
    help="Draw the month, or the week, of --from.",
)
@format_option
@pass_app
def next_(
    app: App,
    name: str | None,
    everything: bool,
    number: int | None,
    start_from: int | None,
    until: int | None,
    unit: str | None,
    as_json: bool,
    format: str | None,
    **options: Any,
) -> None:
    """Preview the occurrences of a job's schedule, of any schedule, or of all jobs; nothing is stored.

    What daylight saving moves is marked.

    \b
    jobctl next backup -n 5
    jobctl next --all --until tomorrow
    jobctl next backup --calendar week
    jobctl next --cron '30 2 * * *' --tz Europe/Madrid --from 2027-03-27
    """
    output = app.output(as_json, format)
    if unit and (number or until or format):
        raise BadInput(
            "--calendar draws a whole month or week: it takes --from and --json, but no -n, --until or --format"
        )
    coming = asked_for(app, name, everything, start_from, options)
    if unit:
        return output.calendar(drawn(app, unit, coming, everything, start_from))
    output.occurrences(listed(agenda(coming), number, until, everything))
    if not any(each.first for each in coming):
        what = "no job has a schedule" if everything else coming[0].schedule.describe()
        note(f"there is nothing to list: {what}")


def asked_for(
    app: App, name: str | None, everything: bool, start: int | None, options: dict[str, Any]
) -> Sequence[Coming]:
    """What is to come of all jobs, of the job of that name, or of the schedule that the options make."""
    plan = planned(app, options)
    if sum([name is not None, everything, plan is not None]) != 1:
        raise BadInput(f"give one of the name of a job, --all, and a schedule: {WHEN}")
    if plan is not None:
        start = app.clock.now() if start is None else start
        schedule = schedule_from(plan, start)
        first = schedule.first(to_datetime(start))
        return [Coming(schedule, plan.time_zone, None if first is None else from_datetime(first), plan.count)]
    store = app.store()
    if name is None:
        with store.snapshot():
            return list(of_all(store, start))
    found = of_job(store, store.job(name), start)
    if found is None:
        raise Refused(f"job {name!r} has no schedule; make one with: jobctl schedule {name} …")
    return [found]


def of_all(store: Store, start: int | None) -> Iterator[Coming]:
    """What is to come of each job; one whose schedule cannot be read is left out and told of."""
    for job in store.jobs():
        try:
            found = of_job(store, job, start)
        except BadInput as error:
            note(f"job {job.name!r} is left out: {error}")
            continue
        if found is not None:
            yield replace(found, job=job.name)


def agenda(coming: Sequence[Coming]) -> Iterator[Occurrence]:
    """All occurrences in order; of each schedule, no more than one ahead is computed."""
    return merge(*(each.occurrences() for each in coming), key=lambda one: (one.at, one.job or ""))


def listed(found: Iterator[Occurrence], number: int | None, until: int | None, everything: bool) -> list[Occurrence]:
    """The occurrences to show: so many, and none after `until`."""
    default = DEFAULT_OF_ALL if everything else DEFAULT
    if until is not None:
        last, default = until, DEFAULT_UNTIL
        found = takewhile(lambda one: one.at <= last, found)
    shown = list(islice(found, number or default))
    if until is not None and number is None and next(found, None) is not None:
        note(f"there are more; these are the first {default}, and -n shows up to {MOST}")
    return shown


def drawn(app: App, unit: str, coming: Sequence[Coming], everything: bool, start: int | None) -> Calendar:
    """The calendar of one schedule on its own clock, or that of all jobs on this machine's."""
    from jobctl.almanac import calendar
    from jobctl.schedule.zones import local_zone_name

    if everything:
        words, time_zone = f"all jobs with a schedule ({len(coming)})", local_zone_name()
    else:
        words, time_zone = coming[0].schedule.describe(), coming[0].time_zone
    now = app.clock.now()
    return calendar(unit, coming, words, now if start is None else start, now, time_zone)
