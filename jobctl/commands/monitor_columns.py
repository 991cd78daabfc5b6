"""`jobctl monitor --columns`: the attributes of a system job as JSON has them, and a few friendlier ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import click

from jobctl.clock import MICROSECONDS, from_datetime
from jobctl.commands.monitor_view import KNOWN, MESSAGE, STATUS, TRY, amount, deciding_instant, instant_text, took, when
from jobctl.document import instant, system_job_document
from jobctl.errors import near_miss
from jobctl.model import JsonDict, State, Status, SystemJob
from jobctl.output import escape
from jobctl.output.columns import status_words
from jobctl.output.tables import Column, Value, View

if TYPE_CHECKING:
    from jobctl.store import Store

DEFAULT: Final = ("number", "job", "status", "due", "start", "end", "duration", "attempt", "message")
"""What is listed in a pipe without --columns."""
FRIENDLY: Final = (*DEFAULT, "when", "took", "late", "try")
LONG: Final = frozenset(
    {"name", "message", "friendly_message", "data", "result", "recurrence_pattern", "regarding", "key", "stage", "id"}
)
"""Those that give way first on a narrow terminal."""


@cache
def attributes() -> Sequence[str]:
    """The names of a system job's attributes, in the order of its document."""
    values: dict[str, Any] = dict.fromkeys(SystemJob.__slots__)
    values |= {"state": State.READY, "status": Status.WAITING_FOR_RESOURCES, "owner": ""}
    return tuple(system_job_document(SystemJob(**values)))


class ColumnsType(click.ParamType[tuple[str, ...]]):
    """Names of columns, separated by commas."""

    name = "columns"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        known = list(dict.fromkeys((*FRIENDLY, *attributes())))
        names = [word.strip().lower().replace("-", "_") for word in str(value).split(",")]
        for name in names:
            if name not in known:
                hint = (
                    near_miss(name, known) or f"; there are {', '.join(FRIENDLY)}, and every attribute that --json has"
                )
                self.fail(f"no column {escape(name)!a}{hint}", param, ctx)
        return tuple(names)


class Documents:
    """The document of a system job, made once while the cells of its row are."""

    def __init__(self, store: Store, payload: bool) -> None:
        self.store, self.payload = store, payload
        self.row: SystemJob | None = None
        self.document: JsonDict = {}

    def __call__(self, row: SystemJob) -> JsonDict:
        if row is not self.row:
            data, result = self.store.payload(row.sequence) if self.payload else (None, None)
            self.row, self.document = row, system_job_document(row, data, result)
        return self.document


def chosen_columns(store: Store, names: Sequence[str], times: str | None) -> list[Column[SystemJob]]:
    """The named columns; `times` is `absolute`, `relative`, or None for what suits the place."""
    documents = Documents(store, payload="data" in names or "result" in names)
    friendly = friendly_columns(times)
    return [friendly[name] if name in friendly else attribute(documents, name, times) for name in names]


def documents_of(store: Store, names: Sequence[str], rows: Sequence[SystemJob]) -> list[JsonDict]:
    """The JSON objects of these rows, with the named attributes only."""
    documents = Documents(store, payload="data" in names or "result" in names)
    friendly = friendly_columns(None)

    def value(row: SystemJob, name: str) -> Any:
        document = documents(row)
        return document[name] if name in document else friendly[name].value(row)

    return [{name: value(row, name) for name in names} for row in rows]


def friendly_columns(times: str | None) -> dict[str, Column[SystemJob]]:
    def moment(title: str, get: Callable[[SystemJob], int | None]) -> Column[SystemJob]:
        return Column(title, lambda row: instant(get(row)), instant_text(get, times))

    return {
        **{title: KNOWN[title] for title in ("number", "job", "duration", "attempt", "message")},
        "status": Column("status", lambda row: row.status.label, either_status, STATUS.style),
        "due": moment("due", lambda row: row.due_at),
        "start": moment("start", lambda row: row.started_on),
        "end": moment("end", lambda row: row.completed_on),
        "when": Column("when", lambda row: instant(deciding_instant(row)), when(times)),
        "took": Column("took", ran, took, right=True),
        "late": Column("late", lateness, lambda row, view: amount(lateness(row)), right=True),
        "try": TRY,
        "message": Column("message", KNOWN["message"].value, either_message, flexible=True),
    }


def either_status(row: SystemJob, view: View) -> str:
    """On a terminal as short as in the monitor's own columns."""
    return STATUS.human(row, view) if view.terminal else status_words(row)


def either_message(row: SystemJob, view: View) -> str:
    return (MESSAGE if view.terminal else KNOWN["message"]).human(row, view)


def ran(row: SystemJob) -> float | None:
    """Seconds it ran, without pauses; of one that runs, those before its last pause."""
    return None if row.run_time is None else row.run_time / MICROSECONDS


def lateness(row: SystemJob) -> float | None:
    """Seconds between the instant from which it might run and the start of its last attempt."""
    return None if row.started_on is None else max(row.started_on - row.due_at, 0) / MICROSECONDS


def attribute(documents: Documents, name: str, times: str | None) -> Column[SystemJob]:
    """The column of one attribute of the document: text where that has a list or an object."""

    def at(row: SystemJob) -> int | None:
        found = documents(row)[name]
        return None if found is None else from_datetime(datetime.fromisoformat(found))

    def value(row: SystemJob) -> Value:
        return plain(documents(row)[name])

    if name.endswith(("_on", "_at", "_until", "_time")):
        return Column(name, value, instant_text(at, times))
    return Column(name, value, style=STATUS.style if name == "status" else None, flexible=name in LONG)


def plain(value: object) -> Value:
    """A JSON value in one cell."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if value is None or isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False)
