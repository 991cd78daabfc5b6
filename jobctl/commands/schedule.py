"""`jobctl schedule`, `unschedule` and `reschedule`: when a job runs."""

from __future__ import annotations

from typing import Any

import click

from jobctl import control
from jobctl.commands.context import NAME, App, json_option, note_daemon, pass_app
from jobctl.commands.planning import WHEN, echo, planned, when_options
from jobctl.commands.views import job_view
from jobctl.errors import BadInput
from jobctl.output import escape


@click.command()
@click.argument("name", type=NAME)
@when_options
@json_option
@pass_app
def schedule(app: App, name: str, as_json: bool, **options: Any) -> None:
    """Give a job a schedule, and print its first instant.

    A job has at most one; if it has one, this is refused and exits 4. --every repeats from --start, else from now.
    --cron takes five Unix fields. Local times follow daylight saving.

    \b
    jobctl schedule backup --cron '0 3 * * mon-fri' --tz Europe/Madrid
    jobctl schedule poll --every 5m --end 2026-12-31
    jobctl schedule report --at 'tomorrow 09:00'
    """
    plan = planned(app, options)
    if plan is None:
        raise BadInput(f"say when: {WHEN}")
    control.schedule(app.store(), name, plan)
    told(app, name, as_json, "scheduled")


@click.command()
@click.argument("name", type=NAME)
@when_options
@json_option
@pass_app
def reschedule(app: App, name: str, as_json: bool, **options: Any) -> None:
    """Replace a job's schedule; without a new one, start the last one again from now.

    The occurrence that waits is canceled; a run that has begun goes on.

    \b
    jobctl reschedule backup --cron '30 4 * * *'
    jobctl reschedule poll
    """
    control.reschedule(app.store(), name, planned(app, options))
    told(app, name, as_json, "rescheduled")


@click.command()
@click.argument("name", type=NAME)
@json_option
@pass_app
def unschedule(app: App, name: str, as_json: bool) -> None:
    """End a job's schedule; a run that has begun goes on.

    \b
    jobctl unschedule backup
    """
    store = app.store()
    job = control.unschedule(store, name)
    app.output(as_json).result(f"unscheduled {name}", job=job_view(store, job).document())


def told(app: App, name: str, as_json: bool, verb: str) -> None:
    """Print what became of the schedule, and warn when nothing would act on it."""
    store = app.store()
    lines = [f"{verb} {name}: {line}" if index == 0 else line for index, line in enumerate(echo(app, store, name))]
    document = job_view(store, store.job(name)).document()
    app.output(as_json).result("\n".join(map(escape, lines)), job=document)
    note_daemon(app)
