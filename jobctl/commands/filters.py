"""The options that choose system jobs, shared by the monitor and by what is done to many at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from jobctl import filtering
from jobctl.commands.context import PAST, TEXT, App
from jobctl.errors import BadInput
from jobctl.filtering import ORIGINS, REASONS, STATES, STATUSES
from jobctl.filtering import check_known as check_known
from jobctl.store import Filter


class OneOf(click.ParamType[tuple[Any, ...]]):
    """Some of a set of words, separated by commas."""

    def __init__(self, name: str, members: Mapping[str, Any]) -> None:
        self.name = name
        self.members = members

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Any, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return filtering.some_of(str(value), self.members)
        except BadInput as error:
            self.fail(str(error), param, ctx)


class OperationType(click.ParamType[int]):
    """The number or the name of an operation type."""

    name = "type"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return filtering.operation_type(str(value))
        except BadInput as error:
            self.fail(str(error), param, ctx)


class End(click.ParamType[int]):
    """An instant, also one behind; a bare date includes that day."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from jobctl.schedule.zones import local_zone_name, zone

        app = ctx.find_object(App) if ctx is not None else None
        text = TEXT.convert(value, param, ctx)
        try:
            return filtering.last_instant(text, (app or App()).clock.now(), zone(local_zone_name()))
        except BadInput as error:
            self.fail(str(error), param, ctx)


def filter_options(function: Callable[..., Any], until: str = "--until") -> Callable[..., Any]:
    """The monitor's filters, for `taken`; each restricts the list further.

    `until`: what that option is called, where the name means something else.
    """
    states, statuses, reasons = OneOf("state", STATES), OneOf("status", STATUSES), OneOf("reason", REASONS)
    for option in reversed(
        (
            click.option("--state", type=states, default=(), help="Ready, suspended, locked, completed; several: a,b."),
            click.option("--status", type=statuses, default=(), help="In_progress, failed, …; several: a,b."),
            click.option("--reason", type=reasons, default=(), help="Paused, timeout, missed, …; several: a,b."),
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
        owner=None if owner is None else filtering.actor(owner),
        tag=options.pop("tag"),
        message_name=options.pop("message_name"),
    )
