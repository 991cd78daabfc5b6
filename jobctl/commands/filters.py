"""The options that choose system jobs, shared by the monitor and by what is done to many at once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta, tzinfo
from typing import Any

import click

from jobctl.commands.context import PAST, TEXT, App
from jobctl.errors import BadInput, JobNotFound
from jobctl.model import OPERATION_BULK_DELETE, OPERATION_DELETION_SERVICE, OPERATION_WORKFLOW, Reason, State, Status
from jobctl.output import escape
from jobctl.store import Filter, Store

TYPES = {
    "workflow": OPERATION_WORKFLOW,
    "bulk_delete": OPERATION_BULK_DELETE,
    "deletion_service": OPERATION_DELETION_SERVICE,
}


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
    """An instant, also one behind; a bare date includes that day."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from jobctl.schedule.zones import local_zone_name, zone

        app = ctx.find_object(App) if ctx is not None else None
        try:
            return last_instant(TEXT.convert(value, param, ctx), (app or App()).clock.now(), zone(local_zone_name()))
        except BadInput as error:
            self.fail(str(error), param, ctx)


def last_instant(text: str, now: int, zone: tzinfo) -> int:
    """As for --since (`2h` is two hours ago), but a day without a time is its last microsecond."""
    from jobctl.schedule.instants import parse_duration, parse_end, parse_instant, parse_past

    clean = text.strip()
    if clean == "yesterday":
        return parse_instant("today", now, zone) - 1
    with suppress(BadInput):
        return now - parse_duration(clean) // timedelta(microseconds=1)
    if clean.startswith("yesterday") or clean.endswith("ago"):
        return parse_past(clean, now, zone)
    return parse_end(text, now, zone)


STATES = OneOf("state", {state.label: state for state in State})
STATUSES = OneOf("status", {status.label: status for status in Status})
REASONS = OneOf("reason", {reason.value: reason for reason in Reason})
ORIGINS = ("schedule", "run", "rerun", "http", "api")
"""What a system job may have been started by (Dataverse: MessageName)."""


def filter_options(function: Callable[..., Any], until: str = "--until") -> Callable[..., Any]:
    """The monitor's filters, for `taken`; each restricts the list further.

    `until`: what that option is called, where the name means something else.
    """
    for option in reversed(
        (
            click.option("--state", type=STATES, default=(), help="Ready, suspended, locked, completed; several: a,b."),
            click.option("--status", type=STATUSES, default=(), help="In_progress, failed, …; several: a,b."),
            click.option("--reason", type=REASONS, default=(), help="Paused, timeout, missed, …; several: a,b."),
            click.option("--job", type=TEXT, metavar="NAME", help="Of this job."),
            click.option("--since", type=PAST, metavar="INSTANT", help="Created then or later."),
            click.option(until, type=End(), metavar="INSTANT", help="Created by then; a date includes that day."),
            click.option("--token", type=TEXT, metavar="TOKEN", help="With this dependency token."),
            click.option("--type", "type_", type=OperationType(), metavar="TYPE", help="Of this operation type."),
            click.option("--owner", type=TEXT, metavar="ACTOR", help="Of this owner, for example user:alice."),
            click.option("--tag", type=TEXT, metavar="TAG", help="Of jobs with this tag."),
            click.option("--message-name", type=click.Choice(ORIGINS), help="Started by this."),
        )
    ):
        function = option(function)
    return function


def taken(options: dict[str, Any]) -> Filter:
    """The filter that a command's options say; they are taken out of `options`."""
    owner = options.pop("owner")
    return Filter(
        states=options.pop("state"),
        statuses=options.pop("status"),
        reasons=options.pop("reason"),
        job=options.pop("job"),
        since=options.pop("since"),
        until=options.pop("created_until" if "created_until" in options else "until"),
        token=options.pop("token"),
        operation_type=options.pop("type_"),
        owner=owner if owner is None or ":" in owner else f"user:{owner}",
        tag=options.pop("tag"),
        message_name=options.pop("message_name"),
    )


def check_known(store: Store, job: str | None) -> None:
    """An empty list because of a slip in the name is an error, not an answer."""
    if job is not None and job != "adhoc" and job not in (names := store.job_names()):
        raise JobNotFound(job, names)
