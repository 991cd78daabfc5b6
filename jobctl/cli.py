"""The entry: finds the command, runs it, and turns what goes wrong into one sentence and an exit code."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import click

from jobctl import __version__
from jobctl.commands.context import App
from jobctl.errors import INTERNAL, INTERRUPTED, IO_ERROR, PERMISSION, USAGE, JobctlError, near_miss
from jobctl.output import escape
from jobctl.records import dataclass

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command is found, and its line in the list of commands."""

    target: str
    summary: str


SECTIONS: Final[Mapping[str, Mapping[str, Entry]]] = {
    "Definitions": {
        "add": Entry("add:add", "Define a job: a command or a Python callable."),
        "edit": Entry("edit:edit", "Change a job; only what is given changes."),
        "remove": Entry("remove:remove", "Remove a job; its history stays."),
        "list": Entry("list:list_jobs", "List the jobs, their schedules and what comes next."),
        "show": Entry("show:show", "Show everything about a job or a system job."),
        "register": Entry("register:register", "Store the functions decorated with @jobctl.job as jobs."),
    },
    "Schedules": {
        "schedule": Entry("schedule:schedule", "Give a job a schedule: once, every so often, or cron."),
        "unschedule": Entry("schedule:unschedule", "End a job's schedule; what runs is left alone."),
        "reschedule": Entry("schedule:reschedule", "Replace a job's schedule, or start it anew."),
        "next": Entry("next:next_", "Preview the occurrences of a job or of any schedule."),
    },
    "System jobs": {
        "run": Entry("run:run", "Submit a job, or a command, to be run."),
        "monitor": Entry("monitor:monitor", "List the system jobs, newest first."),
        "stats": Entry("stats:stats", "Show how the jobs did: results, durations, lateness."),
        "why": Entry("why:why", "Tell why it is not running, ran late or was skipped."),
        "logs": Entry("logs:logs", "Print the output of a system job."),
        "wait": Entry("wait:wait", "Wait for system jobs to end, and exit as they did."),
        "pause": Entry("moves:pause", "Stop a running system job where it is."),
        "resume": Entry("moves:resume", "Let a paused or waiting system job go on now."),
        "cancel": Entry("moves:cancel", "Cancel a system job, with all of its processes."),
        "postpone": Entry("moves:postpone", "Move a system job to a later instant."),
        "emit": Entry("emit:emit", "Release what waits for an event."),
        "rerun": Entry("moves:rerun", "Run a completed system job again, as a new one."),
        "delete": Entry("moves:delete", "Delete a system job and its output."),
        "purge": Entry("purge:purge", "Delete completed system jobs in bulk, once or again and again."),
        "report": Entry("report:report", "Inside a run: report progress, stage and message."),
    },
    "Service": {
        "daemon": Entry("daemon:daemon", "Run what is due, in the foreground."),
        "serve": Entry("serve:serve", "Answer over HTTP: the Monitor page, and programs."),
        "token": Entry("token:token", "Make, list and revoke the tokens that serve lets in."),
        "check": Entry("check:check", "Say whether all is well, for monitoring systems."),
        "doctor": Entry("doctor:doctor", "Check the home, the database and the daemon."),
        "demo": Entry("demo:demo", "Show jobctl at work in a temporary home."),
        "completion": Entry("completion:completion", "Print the shell completion script."),
    },
}
COMMANDS: Final[Mapping[str, Entry]] = {name: entry for section in SECTIONS.values() for name, entry in section.items()}


class Commands(click.Group):
    """A group that imports a command's module only when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        command = getattr(importlib.import_module(f"jobctl.commands.{module}"), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, COMMANDS))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), entry.summary) for name, entry in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        # click's own would import every command for its help line.
        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        from click.shell_completion import CompletionItem

        return [CompletionItem(name, help=e.summary) for name, e in COMMANDS.items() if name.startswith(incomplete)]


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="jobctl COMMAND --help shows a command's options and examples.",
)
@click.version_option(__version__, message="jobctl %(version)s")
@click.option("--home", metavar="DIR", help="Where jobctl keeps its database and logs.  [env: JOBCTL_HOME]")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), help="Colours on stdout.  [env: NO_COLOR]")
@click.pass_context
def cli(ctx: click.Context, home: str | None, color: str | None) -> None:
    """Schedule, run and watch jobs: cron, at, a task queue and a process monitor in one command.

    \b
    jobctl add backup --cron '0 3 * * *' -- tar czf /srv/backup.tgz /home
    jobctl daemon &
    jobctl monitor
    """
    ctx.obj = App(home, color)
    ctx.call_on_close(ctx.obj.close)
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> int:
    """Run the command line of this process; returns its exit code."""
    open_missing_descriptors()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    code = run(sys.argv[1:])
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
    except OSError:
        silence(2)  # or the interpreter's own last flush would change the exit code
    return code


def run(arguments: Sequence[str]) -> int:
    """Run one command line; what goes wrong becomes a sentence on stderr and the exit code."""
    try:
        code = invoke(list(arguments))
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except BaseException as error:
        return explain(error)


def invoke(arguments: list[str]) -> int:
    instruction = os.environ.get("_JOBCTL_COMPLETE")
    if instruction:
        from click.shell_completion import shell_complete

        return shell_complete(cli, {}, "jobctl", "_JOBCTL_COMPLETE", instruction)
    try:
        with cli.make_context("jobctl", arguments) as ctx:
            cli.invoke(ctx)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    return 0


def explain(error: BaseException) -> int:
    """Say on stderr what went wrong, in one sentence; returns the exit code it has."""
    match error:
        case SystemExit():
            return error.code if isinstance(error.code, int) else int(error.code is not None)
        case KeyboardInterrupt() | click.Abort():
            return INTERRUPTED
        case BrokenPipeError():
            return silence_stdout()
        case click.ClickException():
            return tell(usage_sentence(error), USAGE)
        case JobctlError():
            return tell(str(error), error.exit_code)
    if os.environ.get("JOBCTL_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)
    match error:
        case PermissionError():
            return tell(f"not permitted: {error}", PERMISSION)
        case OSError() if error.errno in (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG):
            silence_stdout()
            return tell(f"cannot write: {error.strerror}", IO_ERROR)
    return tell(f"internal error, {type(error).__name__}: {error} (JOBCTL_DEBUG=1 shows the traceback)", INTERNAL)


def tell(sentence: str, code: int) -> int:
    with contextlib.suppress(OSError):  # with stderr gone, the exit code has to do
        click.echo(f"jobctl: {escape(sentence)}", err=True)
    return code


def usage_sentence(error: click.ClickException) -> str:
    """click's message in jobctl's voice: lower case, with the near miss and where to look."""
    match error:
        case click.exceptions.NoSuchCommand():
            return f"no such command {error.command_name!r}{near_miss(error.command_name, COMMANDS)}"
        case click.NoSuchOption():
            close = error.possibilities
            hint = f"; did you mean {close[0]}?" if close else ""
            text = f"no such option {error.option_name}{hint}"
        case click.MissingParameter() if error.param is not None:
            text = f"missing {error.param.param_type_name} {error.param.get_error_hint(error.ctx).strip(chr(39))}"
        case _:
            text = error.format_message()
            text = (text[:1].lower() + text[1:]).rstrip(".")
    if isinstance(error, click.UsageError) and error.ctx is not None and not isinstance(error, click.BadParameter):
        text += f" (see: {error.ctx.command_path} --help)"
    return text


def silence_stdout() -> int:
    silence(1)
    return 0


def silence(descriptor: int) -> None:
    """Make later writes to stdout or stderr, and the interpreter's last flush, go nowhere."""
    with contextlib.suppress(OSError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, descriptor)
        os.close(null)


def open_missing_descriptors() -> None:
    """With stdin, stdout or stderr closed, a file opened later must not take its number and be written to."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
