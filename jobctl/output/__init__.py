"""What commands print: the renderer is chosen once, from the options and from where stdout goes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobctl.output.tables import FORMATS, Column, Row, View, render
from jobctl.output.text import escape, local

if TYPE_CHECKING:
    from jobctl.model import Job, SystemJob, Wait
    from jobctl.output.calendar_view import Calendar
    from jobctl.output.columns import JobView, Occurrence
    from jobctl.store import Event

__all__ = ["FORMATS", "Output", "escape", "local"]


class Output:
    """Prints results on stdout; every text that came from data is escaped."""

    def __init__(self, kind: str, *, color: bool, now: int) -> None:
        self.kind = kind
        self.color = color
        self.view = View(now, terminal=kind == "rich")

    @classmethod
    def choose(cls, format: str | None, *, color: str, now: int) -> Output:
        """`format` is `json`, one of FORMATS, or None: tables on a terminal, plain text in a pipe."""
        terminal = sys.stdout is not None and sys.stdout.isatty()
        colored = color == "always" or (
            color == "auto" and terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        )
        kind = format or ("rich" if terminal or color == "always" else "plain")
        return cls(kind, color=colored and kind == "rich", now=now)

    @property
    def json(self) -> bool:
        return self.kind == "json"

    def document(self, content: Mapping[str, Any] | None = None, **more: Any) -> None:
        """Print `content` and `more` as one JSON document."""
        import json

        from jobctl.document import SCHEMA

        indent = 2 if sys.stdout is not None and sys.stdout.isatty() else None
        # ASCII only: what a terminal would obey leaves as \\u escapes.
        self.line(json.dumps({"schema": SCHEMA, **(content or {}), **more}, indent=indent).replace("\x7f", "\\u007f"))

    def result(self, text: str, **content: Any) -> None:
        """Print `text` (its data already escaped, lines kept) for people, or `content` as the JSON document."""
        if self.json:
            self.document(content)
        else:
            self.line(text)

    def message(self, text: str) -> None:
        """Print one escaped line for people; nothing in JSON."""
        if not self.json:
            self.line(escape(text))

    def line(self, text: str) -> None:
        if sys.stdout is not None:
            sys.stdout.write(text + "\n")

    def table(self, columns: Sequence[Column[Row]], rows: Sequence[Row]) -> None:
        render(self.kind, columns, rows, self.view, self.color)

    def system_jobs(
        self,
        system_jobs: Sequence[SystemJob],
        columns: Sequence[Column[SystemJob]] | None = None,
        payloads: Mapping[int, tuple[str | None, str | None]] | None = None,
    ) -> None:
        """Print a list of system jobs; `payloads` gives data and result (JSON texts) by sequence."""
        if self.json:
            from jobctl.document import system_job_document

            known = payloads or {}
            documents = [system_job_document(s, *known.get(s.sequence, (None, None))) for s in system_jobs]
            return self.document(system_jobs=documents)
        from jobctl.output.columns import SYSTEM_JOB_COLUMNS

        self.table(columns or SYSTEM_JOB_COLUMNS, system_jobs)

    def system_job(
        self,
        system_job: SystemJob,
        data: str | None = None,
        result: str | None = None,
        events: Sequence[Event] = (),
        waits: Sequence[Wait] | None = None,
        why: str | None = None,
    ) -> None:
        """Print everything about one system job; `why` says in a sentence what holds it."""
        from jobctl.document import event_document, system_job_document

        if self.json:
            documents = [event_document(event) for event in events]
            return self.document(system_job=system_job_document(system_job, data, result, waits), events=documents)
        from jobctl.output import details

        details.system_job(self, system_job, data, result, events, waits or (), why)

    def jobs(self, jobs: Sequence[JobView]) -> None:
        """Print the list of jobs."""
        from jobctl.output import columns

        if self.json:
            return self.document(jobs=[view.document() for view in jobs])
        self.table(columns.JOB_COLUMNS, jobs)

    def job(self, job: JobView, upcoming: Sequence[Occurrence] = (), recent: Sequence[SystemJob] = ()) -> None:
        """Print everything about one job, its next occurrences and its last runs."""
        from jobctl.document import system_job_document

        if self.json:
            return self.document(
                job=job.document(),
                occurrences=[occurrence.document() for occurrence in upcoming],
                system_jobs=[system_job_document(s) for s in recent],
            )
        from jobctl.output import details

        details.job(self, job, upcoming, recent)

    def occurrences(self, occurrences: Sequence[Occurrence]) -> None:
        """Print a preview of instants."""
        if self.json:
            return self.document(occurrences=[occurrence.document() for occurrence in occurrences])
        from jobctl.output import agenda

        self.table(agenda.columns(occurrences, self.view), occurrences)

    def calendar(self, calendar: Calendar) -> None:
        """Draw a month or a week."""
        if self.json:
            return self.document(calendar=calendar.document())
        from jobctl.output import calendar_view

        calendar_view.draw(self, calendar)

    def changed(self, text: str, job: Job) -> None:
        """Print that a job was changed: `text` for people, the job itself in JSON."""
        from jobctl.document import job_document

        self.result(escape(text), job=job_document(job))
