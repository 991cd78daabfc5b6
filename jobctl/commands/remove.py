"""`jobctl remove`: take a job away."""

from __future__ import annotations

import click

from jobctl import control
from jobctl.commands.context import NAME, App, json_option, pass_app
from jobctl.document import job_document


@click.command()
@click.argument("name", type=NAME)
@json_option
@pass_app
def remove(app: App, name: str, as_json: bool) -> None:
    """Remove a job; its history stays and its name is free again.

    What waits to run is canceled. While a system job of it runs or is paused, this is refused.

    \b
    jobctl remove backup
    """
    job, canceled = control.remove_job(app.store(), name)
    text = f"removed {name}" + (f"; canceled {canceled} pending system job{'s' * (canceled != 1)}" if canceled else "")
    app.output(as_json).result(text, job=job_document(job), canceled=canceled)
