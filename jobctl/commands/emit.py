"""`jobctl emit`."""

from __future__ import annotations

import click

from jobctl import control
from jobctl.commands.conditions import EVENT
from jobctl.commands.context import App, json_option, note_daemon, pass_app
from jobctl.document import system_job_document


@click.command()
@click.argument("event", type=EVENT)
@json_option
@pass_app
def emit(app: App, event: str, as_json: bool) -> None:
    """Release the system jobs that wait for an event now; prints how many.

    Nothing is kept of the event: what is submitted later waits for the next one.

    \b
    jobctl run import --on-event orders-arrived
    jobctl emit orders-arrived
    """
    released = control.emit(app.store(), event)
    documents = [system_job_document(row) for row in released]
    app.output(as_json).result(str(len(released)), released=len(released), system_jobs=documents)
    if released:
        note_daemon(app)
