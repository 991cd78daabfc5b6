"""`jobctl daemon`: run what is due, in the foreground."""

from __future__ import annotations

import logging
import os

import click

from jobctl.commands.context import DURATION, App, json_option, pass_app
from jobctl.output import escape


class Escaped(logging.Formatter):
    """Messages of jobs appear in the log, which a terminal may show."""

    def format(self, record: logging.LogRecord) -> str:
        return escape(super().format(record))


@click.command()
@click.option("--slots", type=click.IntRange(1, 1000), help="How many run at a time. [default: CPUs, at least 2]")
@click.option("--until-idle", is_flag=True, help="Leave once nothing is running, retrying or able to start.")
@click.option("--drain", is_flag=True, help="When told to stop, wait for what runs without limit.")
@click.option(
    "--shutdown-timeout",
    type=DURATION,
    default="10s",
    show_default=True,
    help="When told to stop, how long to wait for what runs; then it is left to the next daemon.",
)
@click.option("--takeover", is_flag=True, help="End the daemon that runs for this home, and take its place.")
@json_option
@pass_app
def daemon(
    app: App, slots: int | None, until_idle: bool, drain: bool, shutdown_timeout: float, takeover: bool, as_json: bool
) -> None:
    """Run what is due, in the foreground, until told to stop.

    The first TERM, INT or HUP lets running system jobs end, and leaves those that take longer to the next
    daemon; a second one ends them. What happens is logged on stderr; --json prints, at the end, which daemon it
    was and which system jobs it left running.

    \b
    Examples:
      jobctl daemon
      jobctl daemon --slots 4 --until-idle
    """
    logging.raiseExceptions = False  # a full or closed stderr must not stop the daemon
    handler = logging.StreamHandler()
    handler.setFormatter(Escaped("%(asctime)s %(message)s", datefmt="%F %T"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # Nothing of that is in a line of this log, but would be found out for each.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None

    from jobctl.daemon import Daemon
    from jobctl.processes import collect_seldom

    collect_seldom()

    process = Daemon(
        app.config,
        app.clock,
        slots=slots or max(2, os.cpu_count() or 2),
        until_idle=until_idle,
        shutdown_timeout=None if drain else shutdown_timeout,
    )
    left = process.run(takeover=takeover)
    if as_json:
        app.output(True).document(daemon={"id": process.fleet.generation, "pid": os.getpid(), "left_running": left})
