"""`jobctl next`: preview the occurrences of a schedule."""

from __future__ import annotations

from itertools import islice
from typing import Any

import click

from jobctl.clock import from_datetime, to_datetime
from jobctl.commands.context import INSTANT, NAME, App, format_option, pass_app
from jobctl.commands.planning import WHEN, planned, schedule_from, when_options
from jobctl.commands.views import occurrences, upcoming, upcoming_from
from jobctl.errors import BadInput, Refused
from jobctl.output.columns import Occurrence


@click.command(name="next")
@click.argument("name", type=NAME, required=False)
@when_options
@click.option("-n", "number", metavar="N", type=click.IntRange(1, 10_000), default=10, help="How many.  [default: 10]")
@click.option("--from", "start_from", metavar="INSTANT", type=INSTANT, help="As if it were made then.  [default: now]")
@format_option
@pass_app
def next_(
    app: App, name: str | None, number: int, start_from: int | None, as_json: bool, format: str | None, **options: Any
) -> None:
    """Preview the occurrences of a job's schedule, or of any schedule; nothing is stored.

    What daylight saving moves is marked.

    \b
    jobctl next backup -n 5
    jobctl next --cron '30 2 * * *' --tz Europe/Madrid --from 2027-03-27
    """
    output = app.output(as_json, format)
    plan = planned(app, options)
    if (name is None) == (plan is None):
        raise BadInput(f"give either the name of a job or a schedule: {WHEN}")
    if name is not None:
        return output.occurrences(of_job(app, name, number, start_from))
    assert plan is not None
    start = app.clock.now() if start_from is None else start_from
    schedule = schedule_from(plan, start)
    first = schedule.first(to_datetime(start))
    found = occurrences(schedule, plan.time_zone, from_datetime(first)) if first is not None else iter(())
    output.occurrences(list(islice(found, number if plan.count is None else min(number, plan.count))))


def of_job(app: App, name: str, number: int, start_from: int | None) -> list[Occurrence]:
    store = app.store()
    job = store.job(name)
    if job.plan is None or not job.plan.active:
        raise Refused(f"job {name!r} has no schedule; make one with: jobctl schedule {name} …")
    if start_from is not None:
        return upcoming_from(job.plan, start_from, number)
    return upcoming(store, job, number)
