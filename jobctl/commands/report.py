"""`jobctl report`: what a run says of itself."""

from __future__ import annotations

import math
from typing import Any

import click

from jobctl import api
from jobctl.commands.context import TEXT, App, json_option, pass_app
from jobctl.errors import BadInput

LONGEST = 1000
"""Characters of a stage or a message."""


class Progress(click.ParamType[float]):
    """Per cent: `40`, `40%`, `99.5`."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            number = float(str(value).strip().removesuffix("%"))
        except ValueError:
            number = math.nan
        if not 0 <= number <= 100:
            self.fail(f"{value!a} is not a percentage: give a number from 0 to 100", param, ctx)
        return number


@click.command()
@click.option("--progress", type=Progress(), metavar="N", help="Per cent done, 0 to 100.")
@click.option("--stage", type=TEXT, metavar="TEXT", help="What it is doing now.")
@click.option("--message", type=TEXT, metavar="TEXT", help="Anything else a person should know.")
@json_option
@pass_app
def report(app: App, progress: float | None, stage: str | None, message: str | None, as_json: bool) -> None:
    """Inside a run: report what the monitor shows of it.

    What is not given stays as it was. Reporting often is cheap: it is stored once a second at most.

    \b
    jobctl report --progress 40 --stage rendering
    jobctl report --message "3 invoices skipped"
    """
    if progress is None and stage is None and message is None:
        raise BadInput("nothing to report: give --progress, --stage or --message")
    for option, text in (("--stage", stage), ("--message", message)):
        if text is not None and len(text) > LONGEST:
            raise BadInput(f"{option} is {len(text)} characters long; at most {LONGEST} are kept")
    said = {"progress": progress, "stage": stage, "message": message}
    sequence = api.report(**said)
    if as_json:
        app.output(True).document(reported={"sequence": sequence, **said})
