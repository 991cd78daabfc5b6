"""What a command that took several IDs did with each, and how it tells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import click

from jobctl.commands.context import App, note
from jobctl.commands.waiting import moved_line, succeeded, title
from jobctl.errors import FAILED, JobctlError
from jobctl.model import SystemJob


@dataclass
class Results:
    """The system jobs that were moved, as they are now (None: gone), and what was refused."""

    moved: dict[int, SystemJob] = field(default_factory=dict)
    now: dict[int, SystemJob | None] = field(default_factory=dict)
    refused: list[tuple[str, JobctlError]] = field(default_factory=list)

    def add(self, system_job: SystemJob) -> None:
        self.moved[system_job.sequence] = self.now[system_job.sequence] = system_job

    def refuse(self, text: str, error: JobctlError) -> None:
        """Keep the error for the exit code, and tell it now: the others go on."""
        self.refused.append((text, error))
        note(str(error))

    @property
    def exit_code(self) -> int:
        """That of the first refusal; 0 when there was none."""
        return self.refused[0][1].exit_code if self.refused else 0

    @property
    def latest(self) -> list[SystemJob]:
        """Each as it is now, or as it was before it was deleted."""
        return [self.now[sequence] or system_job for sequence, system_job in self.moved.items()]


def finish(app: App, results: Results, as_json: bool, verdict: bool = False) -> None:
    """Print one line for each, or the JSON document, and exit; `verdict`: 1 when one did not succeed."""
    if as_json:
        errors = [{"id": text, "message": str(error), "exit_code": error.exit_code} for text, error in results.refused]
        show_all(app, results.latest, errors=errors)
    else:
        for sequence, system_job in results.now.items():
            gone = f"{title(results.moved[sequence])}: deleted"
            click.echo(gone if system_job is None else moved_line(system_job))
    code = results.exit_code
    if verdict and not all(succeeded(one) for one in results.now.values()):
        code = code or FAILED
    if code:
        click.get_current_context().exit(code)


def show_all(app: App, system_jobs: Iterable[SystemJob], **more: Any) -> None:
    """The JSON document of several system jobs, with their data and results."""
    from jobctl.document import system_job_document

    store = app.store()
    documents = [system_job_document(one, *store.payload(one.sequence)) for one in system_jobs]
    app.output(True).document(system_jobs=documents, **more)
