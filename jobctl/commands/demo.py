"""`jobctl demo`: a tour in a temporary home."""

from __future__ import annotations

import sys

import click

from jobctl import demo as tours
from jobctl.commands.context import json_option


@click.command()
@json_option
def demo(as_json: bool) -> None:
    """Show jobctl at work: a few telling jobs in a temporary home, run by a real daemon for some seconds.

    Nothing outside the temporary home is touched, and it is removed at the end.

    \b
    Example:
      jobctl demo
    """

    def say(line: str) -> None:
        click.echo(line, err=as_json)
        sys.stdout.flush()  # the commands of the tour write to the same place

    tours.tour(say, as_json)
