"""`jobctl check`: for monitoring systems, with their exit codes."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import click

from jobctl import health
from jobctl.commands.context import DURATION, NAME, App, json_option, pass_app
from jobctl.document import instant
from jobctl.errors import BadInput, JobctlError, near_miss
from jobctl.health import MEASURES, Health, Level, Measure
from jobctl.output import Output, escape
from jobctl.records import replace

STYLES: Final = {Level.OK: "green", Level.WARNING: "yellow", Level.CRITICAL: "red", Level.UNKNOWN: "magenta"}


class Unknown(JobctlError):
    """It cannot be said how things are: exit code 3, where other commands have one of their own for each cause."""

    exit_code = int(Level.UNKNOWN)


@contextmanager
def unknown() -> Iterator[None]:
    """Whatever goes wrong becomes UNKNOWN: 1 and 2 are answers here."""
    try:
        yield
    except (click.UsageError, JobctlError) as error:
        text = error.format_message() if isinstance(error, click.UsageError) else str(error)
        sentence = (text[:1].lower() + text[1:]).rstrip(".")
        if sys.stdout is not None and not sys.stdout.isatty():  # where a monitoring system looks for the cause
            click.echo(f"UNKNOWN - {plain(sentence)}")
        raise Unknown(sentence) from None


class Plugin(click.Command):
    """A command whose usage errors are answers of a monitoring plugin, too."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        with unknown():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with unknown():
            return super().invoke(ctx)


class LimitType(click.ParamType[tuple[str, float]]):
    """`failed=3` or `waiting=10m`: what is measured, and from which value on."""

    name = "limit"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, float]:
        if isinstance(value, tuple):
            return value
        name, found, text = str(value).partition("=")
        if not found or name not in MEASURES:
            hint = near_miss(name, MEASURES) or f": give one of {', '.join(MEASURES)}, as in failed=2"
            self.fail(f"{escape(str(value))!r} is no limit{hint}", param, ctx)
        if MEASURES[name].timed:
            return name, DURATION.convert(text, param, ctx)
        if not (text.isascii() and text.isdigit()) or int(text) < 1:
            self.fail(f"{escape(str(value))!r} is no limit: {name} takes a number from 1 on", param, ctx)
        return name, float(text)


@click.command(cls=Plugin)
@click.argument("names", metavar="[NAME]...", type=NAME, nargs=-1)
@click.option("--warning", "-w", type=LimitType(), multiple=True, metavar="WHAT=N|D", help="WARNING from there on.")
@click.option("--critical", "-c", type=LimitType(), multiple=True, metavar="WHAT=N|D", help="CRITICAL from there on.")
@json_option
@click.pass_context
@pass_app
def check(
    app: App,
    ctx: click.Context,
    names: tuple[str, ...],
    warning: tuple[tuple[str, float], ...],
    critical: tuple[tuple[str, float], ...],
    as_json: bool,
) -> None:
    """Say in one line whether all is well, with the exit codes of monitoring plugins: 0 OK, 1 WARNING, 2 CRITICAL,
    3 UNKNOWN. Needs no daemon.

    CRITICAL: no daemon although there is something for it to do; jobs whose last run failed, jobs overdue (see: add
    --expect), what is held for a person, processes that cannot be killed (stuck). WARNING: occurrences not run since
    a job's last success (missed), and notifications that could not be delivered (untold). Names restrict it to
    these jobs and the daemon.

    A limit replaces both of what it is for: failed, overdue, held, stuck, missed, untold and ready (how many wait for
    a slot) are numbers; waiting (the one that waits longest for a slot) and longest (the longest run) are durations.
    In a pipe the first line ends in performance data.

    \b
    jobctl check
    jobctl check backup report
    jobctl check --critical failed=3 --warning failed=1 --warning waiting=10m
    """
    if not app.config.database.exists():
        raise BadInput(f"there is no jobctl database in {app.config.home}; set JOBCTL_HOME")
    found = health.examine(app.config, app.store(), names, measures(warning, critical))
    output = app.output(as_json)
    if output.json:
        output.document(check=document(found))
    else:
        show(output, found)
    ctx.exit(found.level)


def measures(warning: tuple[tuple[str, float], ...], critical: tuple[tuple[str, float], ...]) -> dict[str, Measure]:
    """The measures with the limits asked for; those of others are as usual."""
    found = dict(MEASURES)
    for name in {name for name, _ in (*warning, *critical)}:
        low, high = dict(warning).get(name), dict(critical).get(name)
        if low is not None and high is not None and low > high:
            raise BadInput(f"--warning {name} lies above --critical {name}: it would never be reached")
        found[name] = replace(found[name], warning=low, critical=high)
    return found


def show(output: Output, found: Health) -> None:
    """One line for a monitoring system or a person, and one more for each problem."""
    first = f"{found.level.name} - {health.headline(found)}"
    details = [health.detail(found, problem) for problem in found.problems]
    if output.kind != "rich":
        output.line(f"{plain(first)} | {health.performance_data(found)}")
        for line in details:
            output.line(plain(line))
        return
    for index, line in enumerate((first, *details)):
        level = found.level if index == 0 else found.level_of(found.problems[index - 1].kind)
        output.line(wrapped(output, line, level))


def plain(line: str) -> str:
    """On one line, and without the bar: what follows one is taken for performance data."""
    return escape(line).replace("|", "/")


def wrapped(output: Output, line: str, level: Level) -> str:
    """A line on a terminal: nothing is cut, further lines are indented."""
    import textwrap

    width = max(shutil.get_terminal_size().columns, 40)
    text = textwrap.fill(escape(line), width, subsequent_indent="  ", break_on_hyphens=False)
    name = level.name
    return click.style(name, fg=STYLES[level], bold=True) + text[len(name) :] if output.color else text


def document(found: Health) -> dict[str, Any]:
    """As `--json` shows it; what is timed is in seconds."""
    return {
        "status": found.level.name.lower(),
        "code": int(found.level),
        "text": health.headline(found),
        "daemon": found.daemon,
        "jobs": found.jobs,
        "running": found.running,
        **found.values,
        "problems": [
            {
                "level": found.level_of(problem.kind).name.lower(),
                "kind": problem.kind,
                "job": problem.job,
                "system_job": problem.sequence,
                "text": problem.text,
                "since": instant(problem.since),
            }
            for problem in found.problems
        ],
    }
