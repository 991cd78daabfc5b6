"""`jobctl monitor`."""

from __future__ import annotations

from typing import Any

import click

from jobctl.commands.context import App, format_option, note, note_daemon, pass_app
from jobctl.commands.filters import check_known, filter_options, taken
from jobctl.commands.monitor_columns import DEFAULT, ColumnsType, chosen_columns, documents_of
from jobctl.commands.monitor_view import columns
from jobctl.errors import BadInput
from jobctl.model import State
from jobctl.output import Output
from jobctl.store import Filter

LIMIT = 50


@click.command()
@filter_options
@click.option("--limit", type=click.IntRange(1, 100_000), metavar="N", help="At most so many rows; 50 by default.")
@click.option(
    "--columns",
    "names",
    type=ColumnsType(),
    metavar="A,B,…",
    help="These columns: any attribute that --json has; number, due, start, end, when, took, late, try.",
)
@click.option("--absolute", "times", flag_value="absolute", help="Instants in full, in local time.")
@click.option("--relative", "times", flag_value="relative", help="Instants as distances from now.")
@click.option("-w", "--watch", is_flag=True, help="Keep the list up to date until q or Ctrl-C.")
@click.option("--timeline", is_flag=True, help="Draw the runs of each job on an axis of time.")
@format_option
@pass_app
def monitor(
    app: App,
    limit: int | None,
    names: tuple[str, ...] | None,
    times: str | None,
    watch: bool,
    timeline: bool,
    as_json: bool,
    format: str | None,
    **options: Any,
) -> None:
    """List the system jobs, newest first: what runs, what waits, and how the others ended.

    On a terminal instants are short and local; in a pipe they are complete; csv, tsv and --json have them in UTC.
    With --watch a terminal shows a live table, what runs on top, then what waits, then what ended last; a pipe gets
    the rows oldest first and then each one that changed, one a line (with --json one document a line). With --timeline
    --since and --until are the ends of the axis, by default the last hour and what is due shortly.

    \b
    jobctl monitor --state locked,ready
    jobctl monitor --job backup --since yesterday --status failed
    jobctl monitor --columns sequence,job,status,took,late --format csv
    jobctl monitor --watch
    jobctl monitor --timeline --since 6h
    """
    chosen = taken(options)
    output = app.output(as_json, format)
    if timeline:
        if watch or format or names or times:
            raise BadInput("--timeline draws: it takes the filters, --limit and --json, but no other option")
        from jobctl.commands.monitor_timeline import show

        return show(app, output, chosen, limit or LIMIT)
    if watch:
        if format is not None:
            raise BadInput("--watch and --format exclude each other")
        from jobctl.commands.monitor_watch import watch_changes

        return watch_changes(app, output, chosen, limit or LIMIT, names, times)
    show_list(app, output, chosen, limit or LIMIT, names, times)


def show_list(
    app: App, output: Output, chosen: Filter, limit: int, names: tuple[str, ...] | None, times: str | None
) -> None:
    store = app.store()
    found = store.system_jobs(chosen, limit)
    if not found:
        check_known(store, chosen.job)
    if output.json:
        if names is not None:
            return output.document(system_jobs=documents_of(store, names, found))
        return output.system_jobs(found, payloads={one.sequence: store.payload(one.sequence) for one in found})
    if output.kind == "rich" and not found:
        return note("no system job matches" if chosen != Filter() else "nothing yet; submit one: jobctl run -- COMMAND")
    if output.kind == "rich" and any(one.state is not State.COMPLETED for one in found):
        note_daemon(app)
    if names is None and output.kind == "rich":
        return output.table(columns(times=times), found)
    if names is None and times is None:
        return output.system_jobs(found)
    output.table(chosen_columns(store, names or DEFAULT, times), found)
