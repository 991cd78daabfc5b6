"""`jobctl add`: define a job, and give it a schedule at once."""

from __future__ import annotations

from typing import Any

import click

from jobctl import control
from jobctl.commands.context import NAME, App, TakesArgv, json_option, note_daemon, pass_app
from jobctl.commands.definition import definition_options, new_definition
from jobctl.commands.planning import WHEN, check, echo, planned, policy_changes, policy_options, when_options
from jobctl.errors import BadInput
from jobctl.output import escape
from jobctl.views import job_view


@click.command(cls=TakesArgv)
@click.argument("name", type=NAME)
@definition_options
@when_options
@policy_options
@json_option
@pass_app
def add(app: App, name: str, argv: tuple[str, ...] | None, as_json: bool, **options: Any) -> None:
    """Define a job: a shell command, an argument vector or a Python callable.

    The directory, the umask and PATH, HOME, USER, LOGNAME, SHELL, LANG, LC_*, TZ and VIRTUAL_ENV are recorded as
    they are now; a run gets these and what --env says, nothing else.

    \b
    jobctl add backup --cron '0 3 * * *' -- tar czf /srv/backup.tgz /home
    jobctl add report --callable shop.reports:daily --every day --start 06:00 --retries 3
    jobctl add sync --command 'rsync -a /a/ /b/ && date' --timeout 10m --token disk --env RSYNC_KEY=@/etc/sync.key
    """
    definition = new_definition(argv, options)
    plan = planned(app, options)
    if plan is None and policy_changes(options):
        raise BadInput(f"--overlap, --catch-up, --late-limit and --jitter need a schedule: {WHEN}")
    if plan is not None:
        check(app, plan)
    store = app.store()
    control.add_job(store, name, definition, plan)
    if plan is not None:
        note_daemon(app)
    lines = [f"added {name}: {definition.summary}", *echo(app, store, name)]
    app.output(as_json).result("\n".join(map(escape, lines)), job=job_view(store, store.job(name)).document())
