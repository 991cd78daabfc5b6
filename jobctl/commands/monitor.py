"""`jobctl monitor`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from jobctl.commands.context import PAST, TEXT, App, format_option, note_daemon, pass_app
from jobctl.errors import BadInput, JobNotFound
from jobctl.model import OPERATION_WORKFLOW, State, Status
from jobctl.output import escape
from jobctl.store import Filter, Store

TYPES = {"workflow": OPERATION_WORKFLOW}


class OneOf(click.ParamType[tuple[Any, ...]]):
    """Some of a set of words, separated by commas."""

    def __init__(self, name: str, members: dict[str, Any]) -> None:
        self.name = name
        self.members = members

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Any, ...]:
        if isinstance(value, tuple):
            return value
        words = [word.strip().lower().replace(" ", "_").replace("-", "_") for word in str(value).split(",")]
        for word in words:
            if word not in self.members:
                self.fail(f"{escape(word)!r} is none of {', '.join(self.members)}", param, ctx)
        return tuple(self.members[word] for word in words)


class OperationType(click.ParamType[int]):
    """The number or the name of an operation type."""

    name = "type"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value).lower()
        if text.isascii() and text.isdigit() and len(text) <= 9:
            return int(text)
        if text not in TYPES:
            self.fail(f"{escape(text)!r} is no operation type: give its number, or {', '.join(TYPES)}", param, ctx)
        return TYPES[text]


class End(click.ParamType[int]):
    """An instant; a bare date includes that day."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from jobctl.schedule.instants import parse_end
        from jobctl.schedule.zones import local_zone_name, zone

        app = ctx.find_object(App) if ctx is not None else None
        try:
            return parse_end(TEXT.convert(value, param, ctx), (app or App()).clock.now(), zone(local_zone_name()))
        except BadInput as error:
            self.fail(str(error), param, ctx)


def filter_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The monitor's filters; each restricts the list further."""
    states = OneOf("state", {state.label: state for state in State})
    statuses = OneOf("status", {status.label: status for status in Status})
    for option in reversed(
        (
            click.option("--state", type=states, default=(), help="Ready, suspended, locked, completed; several: a,b."),
            click.option("--status", type=statuses, default=(), help="In_progress, failed, …; several: a,b."),
            click.option("--job", type=TEXT, metavar="NAME", help="Of this job."),
            click.option("--since", type=PAST, metavar="INSTANT", help="Created then or later."),
            click.option("--until", type=End(), metavar="INSTANT", help="Created by then; a date includes that day."),
            click.option("--token", type=TEXT, metavar="TOKEN", help="With this dependency token."),
            click.option("--type", "type_", type=OperationType(), metavar="TYPE", help="Of this operation type."),
            click.option("--owner", type=TEXT, metavar="ACTOR", help="Of this owner, for example user:alice."),
            click.option("--tag", type=TEXT, metavar="TAG", help="Of jobs with this tag."),
        )
    ):
        function = option(function)
    return function


@click.command()
@filter_options
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, metavar="N", help="At most so many."
)
@click.option("-w", "--watch", is_flag=True, help="Keep the list up to date until q or Ctrl-C.")
@format_option
@pass_app
def monitor(
    app: App,
    state: tuple[State, ...],
    status: tuple[Status, ...],
    job: str | None,
    since: int | None,
    until: int | None,
    token: str | None,
    type_: int | None,
    owner: str | None,
    tag: str | None,
    limit: int,
    watch: bool,
    as_json: bool,
    format: str | None,
) -> None:
    """List the system jobs, newest first: what runs, what waits, and how the others ended.

    On a terminal instants are short and local; in a pipe they are complete. With --watch a terminal shows a live
    table; a pipe gets the rows oldest first and then each one that changed, one a line (with --json one document
    a line).

    \b
    jobctl monitor --state locked,ready
    jobctl monitor --job backup --since yesterday --status failed
    jobctl monitor --watch
    """
    owner = owner if owner is None or ":" in owner else f"user:{owner}"
    chosen = Filter(state, status, job, since, until, token, type_, owner, tag)
    store = app.store()
    output = app.output(as_json, format)
    if watch:
        from jobctl.commands.monitor_watch import watch_changes

        if format is not None:
            raise BadInput("--watch and --format exclude each other")
        return watch_changes(app, output, chosen, limit)
    found = store.system_jobs(chosen, limit)
    if not found:
        check_known(store, job)
    if output.kind == "rich":
        if any(one.state is not State.COMPLETED for one in found):
            note_daemon(app)
        from jobctl.commands.monitor_view import columns

        return output.table(columns(), found)
    payloads = {one.sequence: store.payload(one.sequence) for one in found} if output.json else None
    output.system_jobs(found, payloads=payloads)


def check_known(store: Store, job: str | None) -> None:
    """An empty list because of a slip in the name is an error, not an answer."""
    if job is not None and job != "adhoc" and job not in (names := store.job_names()):
        raise JobNotFound(job, names)
