"""What every command shares: the parts wired together, its common options, and the types of its arguments."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import click

from jobctl import clock as clocks
from jobctl.config import Config
from jobctl.errors import BadInput
from jobctl.output import FORMATS, Output
from jobctl.texts import clean as clean
from jobctl.texts import is_name

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from jobctl.clock import Clock
    from jobctl.store import Store

PAST_AFTER: Final = 5_000_000
"""Microseconds by which an instant must be over to be worth a word."""
F = TypeVar("F", bound=Callable[..., Any])
R = TypeVar("R")


class App:
    """The parts a command works with, each made when first used."""

    def __init__(self, home: str | None = None, color: str | None = None) -> None:
        self._home = home
        self._color = color
        self._store: Store | None = None

    @cached_property
    def config(self) -> Config:
        import os

        from jobctl import config

        return config.load(os.environ, home=self._home, color=self._color)

    @cached_property
    def clock(self) -> Clock:
        return clocks.system_clock()

    @property
    def color(self) -> str:
        return self.config.color

    def store(self) -> Store:
        """The store of this home, opened once and closed when the command is done."""
        if self._store is None:
            from jobctl.kept import caller
            from jobctl.store import Store

            self._store = Store.open(self.config, self.clock, caller())
        return self._store

    def output(self, json: bool = False, format: str | None = None) -> Output:
        """The renderer for what this command prints."""
        if json and format:
            raise BadInput("--json and --format exclude each other")
        return Output.choose("json" if json else format, color=self.color, now=self.clock.now())

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None


def pass_app(function: Callable[..., R]) -> Callable[..., R]:
    """The command's App as the first argument."""
    return click.make_pass_decorator(App)(function)


def json_option(function: F) -> F:
    """`--json` as the argument `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(function)


def format_option(function: F) -> F:
    """`--json` and `--format` as the arguments `as_json` and `format`, for commands that list."""
    choice = click.Choice(FORMATS)
    return json_option(
        click.option("--format", "format", type=choice, help="Print the table in this format.")(function)
    )


def note(text: str) -> None:
    """Tell the person something beside the result: on stderr, escaped."""
    from jobctl.output import escape

    click.echo(f"jobctl: {escape(text)}", err=True)


def note_daemon(app: App) -> None:
    """After storing what a daemon has to act on: say so if none is running."""
    from jobctl.locks import is_held

    if not is_held(app.config.daemon_lock):
        click.echo("no daemon is running; start: jobctl daemon", err=True)


class TakesArgv(click.Command):
    """A command whose line may end in `-- ARGV…`: kept apart, so that no option of ARGV is taken for jobctl's.

    The body receives it as `argv`: a tuple, or None where no `--` was given.
    """

    allow_extra_args = True  # to refuse them below, with the advice that helps

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        argv: tuple[str, ...] | None = None
        if "--" in args:
            cut = args.index("--")
            args, argv = args[:cut], tuple(args[cut + 1 :])
            if not argv and not ctx.resilient_parsing:
                raise BadInput("nothing follows --; write the command and its arguments after it")
        rest = super().parse_args(ctx, args)
        if rest and not ctx.resilient_parsing:
            raise click.UsageError(f"unexpected {rest[0]!a}; the words of a command go after --", ctx)
        ctx.params["argv"] = argv and tuple(clean(word, "an argument", text=True) for word in argv)
        return rest

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- ARGV...]"]


def check_name(value: str) -> str:
    """`value` as the name of a job, or BadInput saying what a name looks like."""
    if not is_name(clean(value, "a job's name")):
        shown = value if len(value) <= 100 else value[:40] + "…"
        raise BadInput(
            f"{shown!r} cannot name a job: a letter first, then letters, digits, '.', '_' or '-', at most 100 in all"
        )
    return value


def job_names(app: App) -> list[str]:
    """The names of all jobs, for completion: never fails, and creates no home."""
    try:
        return app.store().job_names() if app.config.database.exists() else []
    except Exception:
        return []


def fail(error: BadInput, param: click.Parameter | None, ctx: click.Context | None) -> NoReturn:
    raise click.BadParameter(str(error), ctx=ctx, param=param) from None


class NameType(click.ParamType[str]):
    """The name of a job."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return check_name(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        home = ctx.find_root().params.get("home")
        app = ctx.find_object(App) or App(home)
        return [CompletionItem(name) for name in job_names(app) if name.startswith(incomplete)]


class IdType(NameType):
    """A system job as people name it: number, job, hex digits or `id:…`; `control.resolve` finds it."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return clean(value, "an ID")


class TextType(click.ParamType[str]):
    """One line of text."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        what = param.opts[0] if param is not None and param.opts else "the text"
        return clean(value, what)


class InstantType(click.ParamType[int]):
    """An instant in any accepted form, as microseconds UTC; without an offset it is local time."""

    name = "instant"
    parser = "parse_instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        from jobctl.schedule import instants
        from jobctl.schedule.zones import local_zone_name, zone

        parse: Callable[..., int] = getattr(instants, self.parser)
        app = ctx.find_object(App) if ctx is not None else None
        now = (app.clock if app is not None else clocks.system_clock()).now()
        try:
            return parse(clean(value, "an instant"), now, zone(local_zone_name()))
        except BadInput as error:
            fail(error, param, ctx)


class PastType(InstantType):
    """An instant behind now: `yesterday`, `2h ago`, `2h`, or as any other."""

    name = "past instant"
    parser = "parse_past"


class DurationType(click.ParamType[float]):
    """A duration such as 90s or 2h30m, in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, (int, float)):
            return float(value)
        from jobctl.schedule.instants import parse_duration

        try:
            return parse_duration(clean(value, "a duration")).total_seconds()
        except BadInput as error:
            fail(error, param, ctx)


NAME: Final = NameType()
ID: Final = IdType()
TEXT: Final = TextType()
INSTANT: Final = InstantType()
PAST: Final = PastType()
DURATION: Final = DurationType()
