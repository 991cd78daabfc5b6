"""`jobctl token`: who may ask over HTTP."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import click

from jobctl import tokens
from jobctl.commands.context import App, InstantType, format_option, json_option, note, pass_app
from jobctl.errors import BadInput
from jobctl.output.tables import Column
from jobctl.output.text import local, relative

if TYPE_CHECKING:
    from jobctl.model import JsonDict
    from jobctl.tokens import Token


class Expiry(InstantType):
    """A duration from now, or an instant; as microseconds UTC."""

    name = "expiry"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from jobctl.clock import MICROSECONDS, system_clock
        from jobctl.schedule.instants import parse_duration

        try:
            lasts = parse_duration(str(value))
        except BadInput:
            return super().convert(value, param, ctx)
        app = ctx.find_object(App) if ctx is not None else None
        now = (app.clock if app is not None else system_clock()).now()
        return now + round(lasts.total_seconds() * MICROSECONDS)


EXPIRY: Final = Expiry()


@click.group()
def token() -> None:
    """Make, list and revoke the tokens that `jobctl serve` lets in.

    A token may `read`, `submit` named jobs or `manage` (pause, resume, cancel, postpone, rerun, delete, schedules).
    It is shown once; what is kept is a digest of it.

    \b
    Examples:
      jobctl token create ci --scope submit --scope read --expires 90d
      jobctl token list --json
      jobctl token revoke ci
    """


@token.command()
@click.argument("name", metavar="NAME")
@click.option(
    "--scope", "scopes", type=click.Choice(tokens.SCOPES), multiple=True, help="May be repeated. [default: read]"
)
@click.option("--expires", "expires_on", type=EXPIRY, metavar="D|INSTANT", help="After a duration, or at an instant.")
@json_option
@pass_app
def create(app: App, name: str, scopes: tuple[str, ...], expires_on: int | None, as_json: bool) -> None:
    """Make a token and print it, this once.

    \b
    jobctl token create ci --scope submit --scope read --expires 90d
    """
    made, text = tokens.create(app.store(), name, scopes, expires_on)
    app.output(as_json).result(text, token=document(made, app.clock.now()), secret=text)
    until = "" if made.expires_on is None else f", until {local(made.expires_on)}"
    note(f"token {name} may {' and '.join(made.scopes)}{until}; it cannot be shown again")


@token.command(name="list")
@click.option("--all", "everything", is_flag=True, help="Also those that were revoked.")
@format_option
@pass_app
def list_(app: App, everything: bool, as_json: bool, format: str | None) -> None:
    """List the tokens: what each may do, until when, and when it was last used.

    \b
    jobctl token list --all
    """
    found, now = tokens.list_tokens(app.store(), revoked=everything), app.clock.now()
    output = app.output(as_json, format)
    if output.json:
        return output.document(tokens=[document(one, now) for one in found])
    output.table(columns(now), found)
    if not found and sys.stdout is not None and sys.stdout.isatty():
        note("no tokens yet; make one: jobctl token create NAME")


@token.command()
@click.argument("name", metavar="NAME")
@json_option
@pass_app
def revoke(app: App, name: str, as_json: bool) -> None:
    """End a token, and the sessions made from it, at once.

    \b
    jobctl token revoke ci
    """
    revoked = tokens.revoke(app.store(), name)
    app.output(as_json).result(f"revoked token {name}", token=document(revoked, app.clock.now()))


def columns(now: int) -> list[Column[Token]]:
    return [
        Column("name", lambda one: one.name),
        Column("may", lambda one: " ".join(one.scopes)),
        Column("state", lambda one: one.state(now)),
        Column("created", lambda one: _instant(one.created_on), lambda one, view: local(one.created_on)),
        Column("by", lambda one: one.created_by),
        Column("expires", lambda one: _instant(one.expires_on), lambda one, view: _local(one.expires_on, "never")),
        Column(
            "last used",
            lambda one: _instant(one.last_used_on),
            lambda one, view: "never" if one.last_used_on is None else relative(one.last_used_on, view.now),
        ),
    ]


def document(one: Token, now: int) -> JsonDict:
    """A token as `--json` shows it; nothing of it that is secret."""
    return {
        "name": one.name,
        "scopes": list(one.scopes),
        "state": one.state(now),
        "created_on": _instant(one.created_on),
        "created_by": one.created_by,
        "expires_on": _instant(one.expires_on),
        "last_used_on": _instant(one.last_used_on),
        "revoked_on": _instant(one.revoked_on),
        "revoked_by": one.revoked_by,
    }


def _instant(at: int | None) -> str | None:
    from jobctl.document import instant

    return instant(at)


def _local(at: int | None, otherwise: str) -> str:
    return otherwise if at is None else local(at)
