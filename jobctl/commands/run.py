"""`jobctl run`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from jobctl import submitting
from jobctl.commands.conditions import AFTER, EVENT, KEY
from jobctl.commands.context import (
    INSTANT,
    NAME,
    PAST_AFTER,
    TEXT,
    App,
    TakesArgv,
    clean,
    json_option,
    note,
    note_daemon,
    pass_app,
)
from jobctl.errors import FAILED, BadInput, SystemJobNotFound
from jobctl.model import Definition, Reason, State, Status, SystemJob, Wait
from jobctl.output.text import local

if TYPE_CHECKING:
    from jobctl.store import Store


@click.command(cls=TakesArgv)
@click.argument("name", type=NAME, required=False)
@click.option("--data", metavar="JSON|@FILE|-", help="Given to the run: JSON, the file that holds it, or - for stdin.")
@click.option("--at", "instant", type=INSTANT, metavar="INSTANT", help="Not before this instant.")
@click.option("--regarding", type=TEXT, metavar="TYPE:ID", help="What it is about, for example invoice:4711.")
@click.option(
    "--after",
    type=AFTER,
    multiple=True,
    metavar="ID[:HOW]",
    help="Once this one has ended: ID:success (the default), ID:failure or ID:any; may be repeated.",
)
@click.option("--on-event", metavar="EVENT", type=EVENT, help="Once `jobctl emit EVENT` is said.")
@click.option("--key", metavar="KEY", type=KEY, help="The same request again: a second one with this key is the first.")
@click.option(
    "--from",
    "source",
    type=TEXT,
    metavar="FILE|-",
    help="One system job for each line of the file: JSON objects with data, at, regarding, key, after, on_event.",
)
@click.option("--wait", is_flag=True, help="Wait for it to end, and exit as it did (0 or 1).")
@json_option
@click.pass_context
@pass_app
def run(
    app: App,
    ctx: click.Context,
    name: str | None,
    argv: tuple[str, ...] | None,
    data: str | None,
    instant: int | None,
    regarding: str | None,
    after: tuple[tuple[str, str], ...],
    on_event: str | None,
    key: str | None,
    source: str | None,
    wait: bool,
    as_json: bool,
) -> None:
    """Submit a job, or the command after --, to be run once; prints its number.

    A command without a definition is stored under the job `adhoc`, with the present directory and the same part
    of the environment that `add` records. Running a job by hand never moves its schedule.

    \b
    jobctl run backup
    jobctl run invoice --data '{"month": "2026-10"}' --at "tomorrow 06:00"
    jobctl run load --after 41 --after 42:any
    jobctl run invoice --key 2026-10 --data '{"month": "2026-10"}'
    jobctl run --wait -- make test
    jobctl run invoice --from requests.jsonl
    """
    if source is not None:
        if name is None or argv is not None or any((data, instant, regarding, after, on_event, key, wait)):
            raise BadInput(
                "--from FILE goes with the name of a job only: what else there is to say stands in its lines"
            )
        submit_lines(app, name, source, as_json)
        return
    text = None if data is None else data_text(data)
    store = app.store()
    if argv is not None and name is not None:
        raise BadInput(f"give either the job {name} or a command after --, not both")
    conditions, asked_at = submitting.Conditions(waits(store, after), on_event, key), app.clock.now()
    if argv is not None:
        submitted = submit_command(store, argv, text, instant, regarding, conditions)
    elif name is not None:
        submitted = submitting.submit(store, name, data=text, at=instant, regarding=regarding, conditions=conditions)
    else:
        raise BadInput("name a job, or give a command after --: jobctl run -- make test")
    announce(app, submitted, quiet=as_json)
    if key is not None and submitted.created_on < asked_at:
        note(f"{named(submitted)} was submitted with this key before; nothing was added")
    if wait:
        submitted = wait_to_end(app, submitted)
    if as_json:
        app.output(True).system_job(submitted, *store.payload(submitted.sequence))
    if wait and submitted.status is not Status.SUCCEEDED:
        ctx.exit(FAILED)


def data_text(data: str) -> str:
    from jobctl.commands.reading import read_text
    from jobctl.jsontext import check_json

    return check_json(read_text(data, "--data"))


def submit_lines(app: App, name: str, source: str, as_json: bool) -> None:
    """Submit what the lines ask for; their numbers, one a line."""
    from jobctl.commands.lines import requests

    store, numbers = app.store(), []
    store.version_in_force(name)  # before a long file is read
    for found in submitting.submit_many(store, name, requests(app, source)):
        if as_json:
            numbers += found
        else:
            click.echo("\n".join(map(str, found)))
    if as_json:
        app.output(True).document({"sequences": numbers})
    note_daemon(app)


def waits(store: Store, after: tuple[tuple[str, str], ...]) -> tuple[Wait, ...]:
    """The predecessors named, each once. Raises what `resolve` does for an ID that means none."""
    from jobctl.finding import resolve

    found: dict[int, Wait] = {}
    for text, condition in after:
        sequence = resolve(store, text, "after").sequence
        if sequence in found and found[sequence].condition != condition:
            raise BadInput(f"--after names system job {sequence} twice, with different endings")
        found[sequence] = Wait(sequence, condition)
    return tuple(found.values())


def submit_command(
    store: Store,
    argv: tuple[str, ...],
    data: str | None,
    at: int | None,
    regarding: str | None,
    conditions: submitting.Conditions,
) -> SystemJob:
    from jobctl.commands.definition import present_directory, present_umask, recorded_environment

    cwd = clean(present_directory(), "the present directory")
    definition = Definition(argv=argv, cwd=cwd, umask=present_umask(), environment=recorded_environment(os.environ))
    return submitting.submit_adhoc(store, definition, data=data, at=at, regarding=regarding, conditions=conditions)


def announce(app: App, submitted: SystemJob, quiet: bool) -> None:
    """Its number on stdout, at once; what a person should know beside it on stderr."""
    if not quiet:
        click.echo(str(submitted.sequence))
    if submitted.state is State.SUSPENDED and submitted.reason is not Reason.SCHEDULED:
        note(f"{named(submitted)} waits {waiting_words(submitted)}")
    elif submitted.state is State.COMPLETED:
        note_result(submitted)
    elif submitted.state is State.SUSPENDED:
        note(f"{named(submitted)} is due {local(submitted.due_at)}")
    elif submitted.created_on - submitted.due_at > PAST_AFTER:
        note(f"{local(submitted.due_at)} is in the past: {named(submitted)} runs now")
    note_daemon(app)


def named(submitted: SystemJob) -> str:
    return f"{submitted.sequence} {submitted.job}"


def note_result(ended: SystemJob) -> None:
    from jobctl.commands.waiting import result_line

    note(result_line(ended))


def waiting_words(submitted: SystemJob) -> str:
    if submitted.reason is Reason.WAITING_FOR_EVENT:
        return f"for the event {submitted.event}"
    return "for those it is to come after" if submitted.reason is Reason.AFTER else f"({submitted.reason})"


def wait_to_end(app: App, submitted: SystemJob) -> SystemJob:
    from jobctl.commands.waiting import completed, wait_for

    try:
        ended = wait_for(app, [submitted.sequence], completed)[submitted.sequence]
    except KeyboardInterrupt:
        note(f"{named(submitted)} goes on; to stop it: jobctl cancel {submitted.sequence}")
        raise
    if ended is None:
        raise SystemJobNotFound(f"{submitted.sequence} any more: it was deleted")
    note_result(ended)
    return ended
