"""`jobctl wait`."""

from __future__ import annotations

import click

from jobctl import control
from jobctl.commands.context import DURATION, ID, App, json_option, note, note_daemon, pass_app
from jobctl.commands.results import show_all
from jobctl.commands.waiting import completed, result_line, succeeded, title, wait_for, words
from jobctl.errors import FAILED, TimedOut
from jobctl.model import SystemJob


@click.command()
@click.argument("ids", type=ID, nargs=-1, required=True, metavar="ID...")
@click.option("--timeout", type=DURATION, metavar="DURATION", help="Give up after this long (exit 124).")
@json_option
@click.pass_context
@pass_app
def wait(app: App, ctx: click.Context, ids: tuple[str, ...], timeout: float | None, as_json: bool) -> None:
    """Wait for system jobs to end, and exit as they did.

    Exits 0 when all succeeded, 1 when any failed or was canceled, 124 when the time was up. Interrupting it
    leaves the system jobs alone. A NAME stands for the one of that job which runs, else is paused, retries or is
    ready.

    \b
    jobctl wait 42 43 && echo both done
    jobctl wait backup --timeout 2h
    """
    store = app.store()
    deadline = None if timeout is None else app.clock.monotonic() + timeout
    named = {found.sequence: found for found in (control.resolve(store, text, "wait") for text in ids)}
    if not all(completed(one) for one in named.values()):
        note_daemon(app)

    def ended(sequence: int, system_job: SystemJob | None) -> None:
        if system_job is None:
            note(f"{title(named[sequence])} was deleted")
        elif not as_json:
            click.echo(result_line(system_job))

    now = wait_for(app, named, completed, deadline=deadline, seen=ended)
    if as_json:
        show_all(app, [one for one in now.values() if one is not None])
    left = [one for one in now.values() if one is not None and not completed(one)]
    if left:
        others = f" and {len(left) - 1} more" if len(left) > 1 else ""
        raise TimedOut(f"the time is up: {title(left[0])} is {words(left[0])}{others}")
    if not all(succeeded(one) for one in now.values()):
        ctx.exit(FAILED)
