"""The options that say what a job runs and how, and the definition they make."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import click

from jobctl.commands.context import DURATION, TEXT, clean, note
from jobctl.errors import BadInput
from jobctl.model import Definition
from jobctl.records import dataclass
from jobctl.texts import is_name

F = TypeVar("F", bound=Callable[..., Any])

RECORDED: Final = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "VIRTUAL_ENV")
"""What `add` records of its environment, beside LC_*."""
VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SECRET: Final = re.compile("TOKEN|SECRET|PASSWORD|KEY", re.IGNORECASE)
CALLABLE: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


class CodesType(click.ParamType[tuple[int, ...]]):
    """Exit codes: `0,1,75`."""

    name = "codes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        words = [word.strip() for word in value.split(",")]
        if not all(word.isascii() and word.isdecimal() and int(word) <= 255 for word in words):
            self.fail(f"{value!a} is no list of exit codes; write numbers from 0 to 255, as in 0,75", param, ctx)
        return tuple(sorted({int(word) for word in words}))


class CommandType(click.ParamType[str]):
    """Text for the shell."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value.strip():
            self.fail("the command is empty", param, ctx)
        return clean(value, "the command", text=True)


class CallableType(click.ParamType[str]):
    """A function by its import path: `module:function`."""

    name = "callable"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not CALLABLE.fullmatch(clean(value, "a callable")):
            self.fail(f"{value!r} names no callable; write MODULE:FUNCTION, as in reports.daily:render", param, ctx)
        return str(value)


class TagType(click.ParamType[str]):
    """A label of a job."""

    name = "tag"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not is_name(clean(value, "a tag")):
            self.fail(f"{value!r} is no tag; write a letter, then letters, digits, '.', '_' or '-'", param, ctx)
        return str(value)


class TokenType(click.ParamType[str]):
    """A dependency token."""

    name = "token"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not 1 <= len(clean(value, "a token").strip()) <= 100:
            self.fail("a token has from 1 to 100 characters", param, ctx)
        return str(value)


class KeepType(click.ParamType[str]):
    """Which completed system jobs are kept: all, failed, a number, or a duration."""

    name = "keep"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from jobctl.retention import parse_keep

        text = clean(str(value), "what to keep").strip()
        parse_keep(text)
        return text


class TargetType(click.ParamType[str]):
    """Who is told: `exec:COMMAND`, or the address of a webhook."""

    name = "target"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from jobctl.targets import check_target

        return check_target(clean(value, "a target", text=True))


OPTIONS: Final = (
    click.option("--command", type=CommandType(), help="What to run, as text for /bin/sh."),
    click.option("--callable", "callable_", metavar="MOD:FUNC", type=CallableType(), help="A Python callable to run."),
    click.option("--cwd", metavar="DIR", type=TEXT, help="Directory to run in.  [default: the present one]"),
    click.option(
        "--env", "env", metavar="K=V", multiple=True, help="K=V, or K of the daemon, or K=@FILE for its content."
    ),
    click.option("--timeout", metavar="DURATION", type=DURATION, help="End a run after this long, paused time apart."),
    click.option(
        "--grace", metavar="DURATION", type=DURATION, help="Time between SIGTERM and SIGKILL.  [default: 10s]"
    ),
    click.option(
        "--retries", metavar="N", type=click.IntRange(0, 1_000_000), help="Times to try again after a failure."
    ),
    click.option("--retry-delay", metavar="DURATION", type=DURATION, help="Wait before a retry.  [default: 10s]"),
    click.option(
        "--retry-backoff", metavar="FACTOR", type=float, help="Growth of the delay with every retry, as in 2."
    ),
    click.option(
        "--success-codes", metavar="CODES", type=CodesType(), help="Exit codes that mean success, as in 0,75."
    ),
    click.option("--token", metavar="TOKEN", type=TokenType(), help="Run one at a time with all that have this token."),
    click.option("--priority", metavar="N", type=click.IntRange(-1000, 1000), help="Higher goes first.  [default: 0]"),
    click.option("--concurrency", metavar="N", type=click.IntRange(1, 100_000), help="At most so many runs at a time."),
    click.option(
        "--on-lost", type=click.Choice(["fail", "retry"]), help="When a run is lost with its machine or runner."
    ),
    click.option(
        "--keep",
        metavar="all|failed|N|D",
        type=KeepType(),
        help="Of its completed system jobs: no successes, the newest N, those of the last D.  [default: all]",
    ),
    click.option(
        "--python", metavar="PATH", type=TEXT, help="Interpreter of a callable.  [default: the one of jobctl]"
    ),
    click.option("--isolate/--no-isolate", default=None, help="Give every run of a callable a process of its own."),
    click.option(
        "--notify",
        metavar="TARGET",
        type=TargetType(),
        multiple=True,
        help="Tell exec:COMMAND or a webhook (http…) of failures, recoveries, missed and overdue runs; repeatable.",
    ),
    click.option("--expect", metavar="DURATION", type=DURATION, help="Overdue after so long without a success."),
    click.option("--description", metavar="TEXT", type=TEXT, help="What the job is for."),
    click.option("--tag", "tags", metavar="TAG", type=TagType(), multiple=True, help="A label; may be repeated."),
)


def definition_options(function: F) -> F:
    """All options that say what a job runs and how, as arguments of their own names."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function


@dataclass(frozen=True, slots=True)
class Environment:
    """The variables that `--env` speaks of, by where their values come from."""

    literal: Mapping[str, str]
    daemon: tuple[str, ...]
    file: Mapping[str, str]

    @classmethod
    def parse(cls, texts: tuple[str, ...]) -> Environment:
        literal: dict[str, str] = {}
        daemon: dict[str, None] = {}
        file: dict[str, str] = {}
        for text in texts:
            name, equals, value = text.partition("=")
            check_variable(name)
            for kind in (literal, daemon, file):
                kind.pop(name, None)  # the last one given counts
            if not equals:
                daemon[name] = None
            elif value.startswith("@"):
                file[name] = secret_file(name, value[1:])
            elif SECRET.search(name):
                raise BadInput(
                    f"--env {name}=… would keep a secret in the database; "
                    f"put it in a file of mode 0600 and write --env {name}=@FILE"
                )
            else:
                literal[name] = clean(value, f"the value of {name}", text=True)
        return cls(literal, tuple(daemon), file)

    @property
    def names(self) -> set[str]:
        return {*self.literal, *self.daemon, *self.file}

    def over(self, definition: Definition, dropped: tuple[str, ...] = ()) -> dict[str, object]:
        """The three environment fields of `definition`, with these variables set and `dropped` left out."""
        gone = self.names | set(dropped)
        return {
            "environment": {k: v for k, v in definition.environment.items() if k not in gone} | dict(self.literal),
            "environment_from_daemon": (
                *(name for name in definition.environment_from_daemon if name not in gone),
                *self.daemon,
            ),
            "environment_from_file": {k: v for k, v in definition.environment_from_file.items() if k not in gone}
            | dict(self.file),
        }


def check_variable(name: str) -> None:
    if not VARIABLE.fullmatch(name):
        raise BadInput(f"{name!a} cannot name a variable: letters, digits and '_', no digit first")
    if name.startswith("JOBCTL_"):
        raise BadInput(f"{name} is set by jobctl itself; choose a name that does not begin with JOBCTL_")


def secret_file(name: str, path: str) -> str:
    if not path:
        raise BadInput(f"--env {name}=@ lacks the file: write --env {name}=@/path/to/file")
    return absolute(path, f"the file of {name}", os.path.isfile)


def absolute(path: str, what: str, exists: Callable[[str], bool]) -> str:
    """`path` made absolute; one that does not exist yet is accepted and told of."""
    full = os.path.abspath(os.path.join(present_directory(), os.path.expanduser(clean(path, what))))
    if not exists(full):
        note(f"note: {what}, {full}, does not exist now")
    return full


def present_directory() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        raise BadInput("the present directory has been deleted; change to another one") from None


def recorded_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables a run gets from the environment its job was added in; nothing else is recorded."""
    names = [name for name in environ if name in RECORDED or (name.startswith("LC_") and VARIABLE.fullmatch(name))]
    return {name: clean(environ[name], f"the variable {name}", text=True) for name in sorted(names)}


def present_umask() -> int:
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:
        for line in status:
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    return Definition().umask


def interpreter(path: str | None) -> str:
    """The absolute path of a Python interpreter; links are kept, as a virtual environment is one."""
    if path is None:
        return sys.executable
    found = shutil.which(path) if "/" not in path else path
    full = os.path.abspath(os.path.expanduser(found or path))
    if not os.path.isfile(full) or not os.access(full, os.X_OK):
        raise BadInput(f"--python {path}: there is no executable file of that name")
    return full


def what_runs(argv: tuple[str, ...] | None, command: str | None, callable_: str | None) -> dict[str, object]:
    """The one of the three that was given, the others None; an empty mapping for none."""
    given = [("command", command), ("callable", callable_), ("argv", argv)]
    chosen = [name for name, value in given if value is not None]
    if len(chosen) > 1:
        raise BadInput("give one of --command TEXT, --callable MOD:FUNC and -- ARGV, not several")
    return dict(given) if chosen else {}


def check_numbers(values: Mapping[str, Any]) -> None:
    """Refuse durations and factors that make no sense."""
    timeout, backoff, expect = values.get("timeout"), values.get("retry_backoff"), values.get("expect")
    if timeout is not None and timeout <= 0:
        raise BadInput("--timeout must be longer than zero")
    if expect is not None and expect <= 0:
        raise BadInput("--expect must be longer than zero")
    if backoff is not None and not 1 <= backoff <= 1000:
        raise BadInput(f"--retry-backoff {backoff:g} is not a factor from 1 to 1000")


PLAIN: Final = (
    "timeout",
    "grace",
    "retries",
    "retry_delay",
    "retry_backoff",
    "success_codes",
    "token",
    "priority",
    "on_lost",
    "concurrency",
    "keep",
    "expect",
    "description",
)
"""Options whose value is the definition's field of the same name."""


def new_definition(argv: tuple[str, ...] | None, options: Mapping[str, Any]) -> Definition:
    """The definition that the options of `add` make, with what is recorded of the present surroundings."""
    chosen = what_runs(argv, options["command"], options["callable_"])
    if not chosen:
        raise BadInput("say what to run: --command TEXT, --callable MOD:FUNC, or -- and the command's words")
    check_numbers(options)
    cwd = present_directory() if options["cwd"] is None else absolute(options["cwd"], "the directory", os.path.isdir)
    values: dict[str, Any] = {name: options[name] for name in PLAIN if options.get(name) is not None}
    values["notify"] = tuple(dict.fromkeys(options.get("notify", ())))
    base = Definition(environment=recorded_environment(os.environ))
    values |= chosen | Environment.parse(options["env"]).over(base)
    values |= callable_fields(options["callable_"], options, clean(cwd, "the present directory"))
    return Definition(**values, cwd=cwd, umask=present_umask(), tags=tuple(dict.fromkeys(options["tags"])))


def callable_fields(callable_: str | None, options: Mapping[str, Any], cwd: str) -> dict[str, Any]:
    """What only a callable has; given for a command, it is refused."""
    if callable_ is None:
        for option, value in (("--python", options["python"]), ("--isolate", options["isolate"])):
            if value:
                raise BadInput(f"{option} is for a callable; this job runs a command")
        return {"python": None, "path": (), "isolate": False}
    return {"python": interpreter(options["python"]), "path": (cwd,), "isolate": bool(options["isolate"])}
