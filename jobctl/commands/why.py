"""`jobctl why`: what keeps a job or a system job from running, or made it end as it did, and what would change it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import click

from jobctl import control
from jobctl.commands.context import ID, App, json_option, pass_app
from jobctl.commands.show import names_system_job
from jobctl.model import SystemJob
from jobctl.output import Output, escape
from jobctl.output.columns import status_style, status_words
from jobctl.output.details import heading

if TYPE_CHECKING:
    from jobctl.store import Store
    from jobctl.why import Explanation


@click.command()
@click.argument("name_or_id", metavar="NAME|ID", type=ID)
@json_option
@pass_app
def why(app: App, name_or_id: str, as_json: bool) -> None:
    """Tell why a job (NAME) or a system job (ID) is not running, ran late, or ended as it did.

    The sentence that decides comes first, what else there is to know follows, and the last line is the one
    command that would change it. All of it was recorded; nothing is guessed.

    \b
    jobctl why 42
    jobctl why backup
    jobctl why adhoc        (the newest command that was run without a definition)
    """
    found = explain(app.store(), name_or_id, app.clock.now())
    output = app.output(as_json)
    if output.json:
        return output.document(why=found.document())
    subject = found.subject
    if isinstance(subject, SystemJob):
        heading(output, f"{subject.sequence} {subject.name}", status_words(subject), status_style(subject))
    else:
        heading(output, subject.name)
    for fact in found.facts:
        output.line(laid_out(output, f"  {fact.text}"))
    if found.command is not None:
        output.line(f"to change it: {escape(found.command)}")


def explain(store: Store, name_or_id: str, now: int) -> Explanation:
    """Raises JobNotFound or SystemJobNotFound."""
    from jobctl.why import why_job, why_system_job

    with store.snapshot():
        if names_system_job(store, name_or_id):
            return why_system_job(store, control.resolve(store, name_or_id, "show"), now)
        if name_or_id == control.ADHOC and (job_id := store.job_id(name_or_id)) is not None:
            newest = store.newest_system_job(job_id)  # it is no job, but what was run without one is asked for by it
            if newest is not None:
                return why_system_job(store, newest, now)
        return why_job(store, store.job(name_or_id), now)


def laid_out(output: Output, text: str) -> str:
    """A sentence: on a terminal nothing is cut and further lines are indented, in a pipe it is one line."""
    text = escape(text)
    if output.kind != "rich":
        return text
    import textwrap

    width = max(shutil.get_terminal_size().columns, 40)
    return textwrap.fill(text, width, subsequent_indent="    ", break_on_hyphens=False, break_long_words=False)
