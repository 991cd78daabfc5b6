"""`jobctl list`: the jobs."""

from __future__ import annotations

import sys

import click

from jobctl.commands.context import App, format_option, note, pass_app
from jobctl.views import job_view


@click.command(name="list")
@format_option
@pass_app
def list_jobs(app: App, as_json: bool, format: str | None) -> None:
    """List the jobs: what each runs, its schedule, what comes next and how the last one ended.

    \b
    jobctl list
    jobctl list --format csv
    """
    output, store = app.output(as_json, format), app.store()
    with store.snapshot():
        jobs = [job_view(store, job) for job in store.jobs()]
    output.jobs(jobs)
    if not jobs and sys.stdout is not None and sys.stdout.isatty():
        note("no jobs yet; define one: jobctl add --help")
