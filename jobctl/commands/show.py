"""`jobctl show`: everything about a job or a system job."""

from __future__ import annotations

import re

import click

from jobctl import control
from jobctl.commands.context import ID, App, json_option, pass_app
from jobctl.model import Reason, State, SystemJob
from jobctl.store import Filter, Store
from jobctl.views import job_view, upcoming

OCCURRENCES = 3
RUNS = 5


@click.command()
@click.argument("name_or_id", metavar="NAME|ID", type=ID)
@json_option
@pass_app
def show(app: App, name_or_id: str, as_json: bool) -> None:
    """Show everything about a job (NAME) or a system job (ID).

    An ID is a system job's number, or the first 8 or more digits of its hexadecimal id.

    \b
    jobctl show backup
    jobctl show 42
    """
    store, output = app.store(), app.output(as_json)
    if names_system_job(store, name_or_id):
        found = control.resolve(store, name_or_id, "show")
        data, result = store.payload(found.sequence)
        events, waits = store.events(sequence=found.sequence), store.waits(found.sequence)
        return output.system_job(found, data, result, events, waits, None if output.json else reason(app, store, found))
    job = store.job(name_or_id)
    newest = store.system_jobs(Filter(job=job.name), limit=RUNS + 1)
    recent = [one for one in newest if one.reason is not Reason.SCHEDULED][:RUNS]
    output.job(job_view(store, job), upcoming(store, job, OCCURRENCES), recent)


def reason(app: App, store: Store, system_job: SystemJob) -> str | None:
    """The sentence of `jobctl why` that decides, about one that is not completed."""
    if system_job.state is State.COMPLETED:
        return None
    from jobctl.why import why_system_job

    with store.snapshot():
        return why_system_job(store, system_job, app.clock.now()).facts[0].text


def names_system_job(store: Store, text: str) -> bool:
    """Whether `text` is a system job: a number always is, hexadecimal digits unless a job has that name."""
    if (text.isascii() and text.isdecimal()) or text.startswith("id:"):
        return True
    return bool(re.fullmatch("[0-9a-fA-F]{8,32}", text)) and store.find_job(text) is None
