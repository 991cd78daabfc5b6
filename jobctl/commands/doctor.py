"""`jobctl doctor`."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

import click

from jobctl import doctor as checks
from jobctl.commands.context import App, format_option, pass_app
from jobctl.doctor.checks import Check, Level
from jobctl.errors import FAILED
from jobctl.output import Output, escape
from jobctl.output.tables import Column

STYLES = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}
COLUMNS: Sequence[Column[Check]] = (
    Column("result", lambda check: check.level.value, style=lambda check: STYLES[check.level]),
    Column("check", lambda check: check.name),
    Column("finding", lambda check: check.message, flexible=True),
)


@click.command()
@format_option
@click.pass_context
@pass_app
def doctor(app: App, ctx: click.Context, as_json: bool, format: str | None) -> None:
    """Check what could keep jobctl from doing its work here; changes nothing.

    Looks at the kernel, SQLite, time zones, the home with its file system, space, size and permissions, the
    database, the clock and its jumps, the daemon and its runners, and whether each job's program, directory, files
    and schedule can be had here. Exits 1 when a check failed; warnings do not count.

    \b
    jobctl doctor
    jobctl doctor --json | jq '.checks[] | select(.level != "ok")'
    """
    output = app.output(as_json, format)
    found = list(checks.examine(app.config, app.clock))
    failed = any(check.level is Level.FAIL for check in found)
    if output.json:
        documents = [{"name": one.name, "level": one.level.value, "message": one.message} for one in found]
        output.document(ok=not failed, checks=documents)
    elif output.kind == "rich":
        for check in found:
            output.line(wrapped(output, check))
    else:
        output.table(COLUMNS, found)
    if failed:
        ctx.exit(FAILED)


def wrapped(output: Output, check: Check) -> str:
    """A check on a terminal: nothing is cut, further lines are indented."""
    import textwrap

    indent = " " * 20
    width = max(shutil.get_terminal_size().columns, 40)
    head = f"{check.level.value:4}  {escape(check.name):12}  "
    text = textwrap.fill(head + escape(check.message), width, subsequent_indent=indent, break_on_hyphens=False)
    if not output.color:
        return text
    return click.style(text[:4], fg=STYLES[check.level]) + text[4:]
