"""What a command that moved system jobs did with each, and how it tells."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import click

from jobctl.commands.context import App, note
from jobctl.commands.waiting import moved_line, succeeded, title
from jobctl.document import SCHEMA, system_job_document
from jobctl.errors import FAILED, JobctlError
from jobctl.model import JsonDict, SystemJob
from jobctl.store import Store

MOST_TOLD = 20
"""Refusals that are told of one by one."""


@dataclass
class Results:
    """The system jobs that were moved, as they are now (None: gone), and what was refused."""

    moved: dict[int, SystemJob] = field(default_factory=dict)
    now: dict[int, SystemJob | None] = field(default_factory=dict)
    refused: list[tuple[str, JobctlError]] = field(default_factory=list)
    told: bool = False
    """Whether all that was done has been printed."""

    def add(self, system_job: SystemJob) -> None:
        self.moved[system_job.sequence] = self.now[system_job.sequence] = system_job

    def refuse(self, text: str, error: JobctlError) -> None:
        """Keep the error for the exit code, and tell it now: the others go on."""
        self.refused.append((text, error))
        if len(self.refused) <= MOST_TOLD:
            note(str(error))

    @property
    def exit_code(self) -> int:
        """That of the first refusal; 0 when there was none."""
        return self.refused[0][1].exit_code if self.refused else 0

    @property
    def latest(self) -> list[SystemJob]:
        """Each as it is now, or as it was before it was deleted."""
        return [self.now[sequence] or system_job for sequence, system_job in self.moved.items()]

    @property
    def errors(self) -> list[JsonDict]:
        return [{"id": text, "message": str(error), "exit_code": error.exit_code} for text, error in self.refused]


def finish(
    app: App,
    results: Results,
    as_json: bool,
    verdict: bool = False,
    line: Callable[[SystemJob], str] = moved_line,
) -> None:
    """Print one line for each, or the JSON document, and exit; `verdict`: 1 when one did not succeed."""
    if as_json and not results.told:
        show_all(app, results.latest, errors=results.errors, dry_run=False)
    elif not results.told:
        for sequence, system_job in results.now.items():
            gone = f"{title(results.moved[sequence])}: deleted"
            click.echo(gone if system_job is None else line(system_job))
    code = results.exit_code
    if verdict and not all(succeeded(one) for one in results.now.values()):
        code = code or FAILED
    if code:
        click.get_current_context().exit(code)


def show_all(app: App, system_jobs: Iterable[SystemJob], **more: Any) -> None:
    """The JSON document of several system jobs, with their data and results."""
    store = app.store()
    documents = [system_job_document(one, *store.payload(one.sequence)) for one in system_jobs]
    app.output(True).document(system_jobs=documents, **more)


class DocumentStream:
    """The same document, written while there are more to come: of many, none is held."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.begun = False

    def add(self, system_job: SystemJob) -> None:
        document = system_job_document(system_job, *self.store.payload(system_job.sequence))
        self._write((", " if self.begun else self._head()) + self._text(document))
        self.begun = True

    def close(self, **more: Any) -> None:
        """Write what follows the list."""
        head = "" if self.begun else self._head()
        self._write(head + "]" + "".join(f', "{name}": {self._text(value)}' for name, value in more.items()) + "}\n")

    def _head(self) -> str:
        return f'{{"schema": {SCHEMA}, "system_jobs": ['

    def _text(self, value: object) -> str:
        return json.dumps(value).replace("\x7f", "\\u007f")

    def _write(self, text: str) -> None:
        if sys.stdout is not None:
            sys.stdout.write(text)
