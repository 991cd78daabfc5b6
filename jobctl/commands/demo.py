"""`jobctl demo`: a tour in a temporary home."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from jobctl import demo as tours
from jobctl.commands.context import App, json_option, pass_app


@click.command()
@json_option
@pass_app
def demo(app: App, as_json: bool) -> None:
    """Show jobctl at work: a few telling jobs in a temporary home, run by a real daemon for some seconds.

    Nothing outside the temporary home is touched, and it is removed at the end.

    \b
    Example:
      jobctl demo
    """

    def say(line: str) -> None:
        click.echo(line, err=as_json)

    def show(home: Path) -> None:
        shown = App(str(home), app.color)
        shown.output(as_json).system_jobs(shown.store().system_jobs(limit=100))
        shown.close()

    sys.stdout.flush()
    tours.tour(say, show)
