"""`jobctl purge`: delete completed system jobs in bulk."""

from __future__ import annotations

import json
from typing import Any

import click

from jobctl import control
from jobctl.clock import MICROSECONDS
from jobctl.commands.context import DURATION, NAME, App, json_option, note, note_daemon, pass_app
from jobctl.commands.filters import check_known, filter_options, taken
from jobctl.commands.planning import check, echo, planned, policy_changes, policy_options, when_options
from jobctl.commands.waiting import completed, result_line, succeeded, wait_for
from jobctl.document import instant
from jobctl.errors import FAILED, BadInput, SystemJobNotFound
from jobctl.model import Definition, SystemJob
from jobctl.output import escape
from jobctl.output.text import local
from jobctl.purging import Purge, Totals
from jobctl.scheduling import Planned
from jobctl.store import Filter
from jobctl.views import job_view


@click.command()
@filter_options
@click.option("--older-than", type=DURATION, metavar="D", help="Completed longer ago than this.")
@click.option("--name", type=NAME, default="purge", show_default=True, help="Of the system job, or of the job.")
@click.option("--dry-run", is_flag=True, help="Say how many would be deleted now, and delete none.")
@click.option("--wait", is_flag=True, help="Wait for it to end, and exit as it did (0 or 1).")
@when_options
@policy_options
@json_option
@pass_app
def purge(
    app: App,
    older_than: float | None,
    name: str,
    dry_run: bool,
    wait: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Delete the completed system jobs that the filters choose, with their data, results and output.

    The daemon does it, as a system job of its own: prints its number. What is not completed is never deleted, nor
    what completes after it has started. It deletes in short steps, so that others go on meanwhile; cancel it, and it
    ends between two of them.

    With options that say when, it becomes a job with a schedule, and deletes at each occurrence what the filters
    choose then.

    \b
    jobctl purge --status succeeded --older-than 30d
    jobctl purge --job import --older-than 1w --dry-run
    jobctl purge --older-than 90d --every day --at 03:30
    """
    chosen = taken(options)
    if chosen == Filter() and older_than is None:
        raise BadInput("purge what? Give a filter such as --job or --status, or --older-than; 0s means every one")
    wanted = Purge(name, chosen, round((older_than or 0.0) * MICROSECONDS))
    plan = planned(app, options)
    if plan is None and policy_changes(options):
        raise BadInput("--overlap, --catch-up, --late-limit and --jitter need a schedule, as in --every day")
    if wait and (dry_run or plan is not None):
        raise BadInput("--wait is for a purge that runs now: --dry-run deletes none, a schedule does so later")
    if chosen.job is not None and not app.store().system_jobs(Filter(job=chosen.job), 1):
        check_known(app.store(), chosen.job)
    if dry_run:
        return tell_totals(app, wanted, as_json)
    definition = Definition(internal="bulk_delete", settings=wanted.document(), description=wanted.words)
    if plan is not None:
        return define(app, wanted, definition, plan, as_json)
    run(app, control.submit_adhoc(app.store(), definition, name=name), wait, as_json)


def tell_totals(app: App, wanted: Purge, as_json: bool) -> None:
    totals = wanted.totals(app.store(), app.clock.now())
    document = {
        "count": totals.count,
        "by_status": totals.by_status,
        "log_bytes": totals.log_bytes,
        "oldest": instant(totals.oldest),
        "newest": instant(totals.newest),
    }
    app.output(as_json).result(totals_words(totals), dry_run=True, **document)


def totals_words(totals: Totals) -> str:
    """`3 system jobs would be deleted (2 succeeded, 1 failed), completed from … to …, with 1,024 bytes of output`."""
    if totals.oldest is None or totals.newest is None:
        return "no system job would be deleted"
    statuses = ", ".join(f"{number:,} {label}" for label, number in totals.by_status.items())
    ends = f"completed from {local(totals.oldest)} to {local(totals.newest)}"
    output = f", with {totals.log_bytes:,} bytes of output" if totals.log_bytes else ""
    return f"{numbered(totals.count)} would be deleted ({statuses}), {ends}{output}"


def numbered(count: int) -> str:
    return f"{count:,} system job{'s' if count != 1 else ''}"


def define(app: App, wanted: Purge, definition: Definition, plan: Planned, as_json: bool) -> None:
    """A job that purges by a schedule."""
    check(app, plan)
    store = app.store()
    control.add_job(store, wanted.name, definition, plan)
    lines = [f"added {wanted.name}: deletes system jobs {wanted.words}", *echo(app, store, wanted.name)]
    document = job_view(store, store.job(wanted.name)).document()
    app.output(as_json).result("\n".join(map(escape, lines)), job=document)
    note_daemon(app)


def run(app: App, submitted: SystemJob, wait: bool, as_json: bool) -> None:
    """Its number, or what became of it."""
    store = app.store()
    if not as_json:
        click.echo(str(submitted.sequence))
    note_daemon(app)
    if wait:
        ended = wait_for(app, [submitted.sequence], completed)[submitted.sequence]
        if ended is None:
            raise SystemJobNotFound(f"{submitted.sequence} any more: it was deleted")
        submitted = ended
        note(f"{result_line(submitted)}{done_words(store.payload(submitted.sequence)[1])}")
    if as_json:
        app.output(True).system_job(submitted, *store.payload(submitted.sequence))
    if wait and not succeeded(submitted):
        click.get_current_context().exit(FAILED)


def done_words(result: str | None) -> str:
    """What its result tells a person."""
    if result is None:
        return ""
    found = json.loads(result)
    left = f"; the output of {found['failed']:,} could not be deleted: jobctl logs tells" if found["failed"] else ""
    return f": {numbered(found['deleted'])} deleted{left}"
