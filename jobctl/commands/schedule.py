"""`jobctl schedule`, `unschedule` and `reschedule`: when a job runs."""

from __future__ import annotations

from typing import Any

import click

from jobctl import scheduling
from jobctl.commands.context import INSTANT, NAME, TEXT, App, json_option, note_daemon, pass_app
from jobctl.commands.planning import WHEN, echo, planned, policy_changes, policy_options, when_options
from jobctl.errors import BadInput
from jobctl.model import Job
from jobctl.output import escape
from jobctl.output.text import local, relative
from jobctl.views import job_view


@click.command()
@click.argument("name", type=NAME)
@when_options
@policy_options
@json_option
@pass_app
def schedule(app: App, name: str, as_json: bool, **options: Any) -> None:
    """Give a job a schedule, and print its first instant.

    A job has at most one; if it has one, this is refused and exits 4. --every repeats from --start, else from now;
    with --on and --at it takes days and times of day. Local times follow daylight saving.

    \b
    jobctl schedule backup --cron '0 3 * * mon-fri' --tz Europe/Madrid
    jobctl schedule poll --every 5m --end 2026-12-31
    jobctl schedule pay --every month --on last-fri --at 06:00,18:00
    jobctl schedule report --at 'tomorrow 09:00'
    """
    plan = planned(app, options)
    if plan is None:
        raise BadInput(f"say when: {WHEN}")
    scheduling.schedule(app.store(), name, plan)
    told(app, name, as_json, "scheduled")


@click.command()
@click.argument("name", type=NAME)
@when_options
@policy_options
@json_option
@pass_app
def reschedule(app: App, name: str, as_json: bool, **options: Any) -> None:
    """Replace a job's schedule; without a new one, start the last one again from now.

    The occurrence that waits is canceled; a run that has begun goes on. With nothing but what late or overlapping
    runs become (--overlap, --catch-up, --late-limit, --jitter), only that changes.

    \b
    jobctl reschedule backup --cron '30 4 * * *'
    jobctl reschedule backup --overlap queue
    jobctl reschedule poll
    """
    plan, changes = planned(app, options), policy_changes(options)
    if plan is None and changes:
        scheduling.change_policies(app.store(), name, changes)
    else:
        scheduling.reschedule(app.store(), name, plan)
    told(app, name, as_json, "rescheduled")


@click.command()
@click.argument("name", type=NAME, required=False)
@click.option("--until", metavar="INSTANT", type=INSTANT, help="Only until then; what falls due meanwhile is recorded.")
@click.option("--reason", metavar="TEXT", type=TEXT, help="Why, for the records.")
@click.option("--all", "everything", is_flag=True, help="Every schedule; with --until.")
@json_option
@pass_app
def unschedule(
    app: App, name: str | None, until: int | None, reason: str | None, everything: bool, as_json: bool
) -> None:
    """End a job's schedule, or let it rest --until an instant; a run that has begun goes on.

    --until now ends such a rest.

    \b
    jobctl unschedule backup
    jobctl unschedule backup --until 'mon 08:00' --reason 'moving disks'
    jobctl unschedule --all --until 'in 2h' --reason maintenance
    """
    if (name is None) == (not everything):
        raise BadInput("give the name of a job, or --all --until INSTANT")
    if everything and until is None:
        raise BadInput("--all goes with --until; to end schedules for good, name their jobs")
    store, output = app.store(), app.output(as_json)
    if until is None:
        assert name is not None
        job = scheduling.unschedule(store, name, reason)
        return output.result(f"unscheduled {name}", job=job_view(store, job).document())
    jobs = scheduling.pause_schedule(store, name, until, reason)
    views = [job_view(store, job).document() for job in jobs]
    text = "\n".join(escape(f"{job.name}: {paused_words(app, job)}") for job in jobs)
    output.result(text, **({"jobs": views} if everything else {"job": views[0]}))


def paused_words(app: App, job: Job) -> str:
    assert job.plan is not None
    until = job.plan.paused_until or 0
    if until <= app.clock.now():
        return "its schedule goes on"
    return f"no run is started by its schedule until {local(until)} ({relative(until, app.clock.now())})"


def told(app: App, name: str, as_json: bool, verb: str) -> None:
    """Print what became of the schedule, and warn when nothing would act on it."""
    store = app.store()
    lines = [f"{verb} {name}: {line}" if index == 0 else line for index, line in enumerate(echo(app, store, name))]
    document = job_view(store, store.job(name)).document()
    app.output(as_json).result("\n".join(map(escape, lines)), job=document)
    note_daemon(app)
