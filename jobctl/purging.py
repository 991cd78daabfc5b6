"""What a person's purge deletes: the completed system jobs that a filter chooses, as data of the system job it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from jobctl.clock import MICROSECONDS, from_datetime, to_datetime
from jobctl.errors import BadInput
from jobctl.model import JsonDict, Reason, State, Status
from jobctl.records import dataclass
from jobctl.retention import pages
from jobctl.store import Filter, Store

TEXTS: Final = ("job", "token", "owner", "tag", "message_name")
"""Fields of the filter that are texts, in its document too."""


@dataclass(frozen=True, slots=True)
class Purge:
    name: str
    filter: Filter
    older_than: int = 0
    """Microseconds since their end."""
    completed_before: int | None = None
    """An instant."""

    def __post_init__(self) -> None:
        """Raises BadInput for what no completed one can match."""
        if self.filter.states and State.COMPLETED not in self.filter.states:
            raise BadInput("only completed system jobs are deleted; a live one: jobctl delete --force")
        live = [status for status in self.filter.statuses if status.state is not State.COMPLETED]
        if live:
            raise BadInput(f"only completed system jobs are deleted, and {live[0].label} ones are not completed")

    @classmethod
    def of(cls, data: object) -> Purge:
        """As the data of a system job says. Raises BadInput naming what is wrong with it."""
        if not isinstance(data, dict) or not isinstance(data.get("filter"), dict):
            raise BadInput('the data of a purge is {"name": …, "filter": {…}}')
        try:
            return cls(str(data.get("name", "purge")), *_read(dict(data["filter"])))
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
            raise BadInput(f"the filter of a purge cannot be read: {error}") from None

    def document(self) -> JsonDict:
        """The data of the system job; durations are seconds."""
        chosen, before = self.filter, self.completed_before
        said: JsonDict = {
            "status": [status.label for status in chosen.statuses],
            "reason": [reason.value for reason in chosen.reasons],
            "since": None if chosen.since is None else to_datetime(chosen.since).isoformat(),
            "until": None if chosen.until is None else to_datetime(chosen.until).isoformat(),
            "completed_before": None if before is None else to_datetime(before).isoformat(),
            "type": chosen.operation_type,
            **{field: getattr(chosen, field) for field in TEXTS},
        }
        kept = {name: value for name, value in said.items() if value is not None and value != []}
        return {"name": self.name, "filter": {**kept, "older_than": self.older_than / MICROSECONDS}}

    def parameters(self, store: Store, started: int) -> dict[str, Any]:
        """For its statements; only what was completed before `started` is chosen, whatever the clock did since."""
        ((through,),) = store.database.run("newest_sequence")
        before = started - self.older_than
        if self.completed_before is not None:
            before = min(before, self.completed_before)
        return {**self.filter.parameters(), "before": before, "through": through, "now": started}

    def chosen(self, store: Store, started: int) -> Iterator[list[int]]:
        """The numbers of those that go, in pages."""
        return pages(store, "purge_page", **self.parameters(store, started))

    def totals(self, store: Store, started: int) -> Totals:
        rows = store.database.run("purge_totals", self.parameters(store, started))
        return Totals(
            {Status(row[0]).label: row[1] for row in rows},
            sum(row[2] for row in rows),
            min((row[3] for row in rows), default=None),
            max((row[4] for row in rows), default=None),
        )

    @property
    def words(self) -> str:
        """`completed more than 30d ago, failed, of job backup`"""
        from jobctl.schedule.lengths import format_duration

        chosen = self.filter
        age = f" more than {format_duration(self.older_than / MICROSECONDS)} ago" if self.older_than else ""
        parts = [f"completed{age}"]
        parts += [" or ".join(status.label for status in chosen.statuses)] if chosen.statuses else []
        parts += [" or ".join(chosen.reasons)] if chosen.reasons else []
        named: dict[str, str | int | None] = {
            "of job": chosen.job,
            "with token": chosen.token,
            "with tag": chosen.tag,
            "of": chosen.owner,
            "started by": chosen.message_name,
            "of type": chosen.operation_type,
        }
        parts += [f"{label} {value}" for label, value in named.items() if value is not None]
        instants = (
            ("created since", chosen.since),
            ("created until", chosen.until),
            ("completed before", self.completed_before),
        )
        parts += [f"{label} {to_datetime(at):%Y-%m-%d %H:%M:%S} UTC" for label, at in instants if at is not None]
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Totals:
    """How many there are, by status; how much they wrote; and when the first and the last of them ended."""

    by_status: dict[str, int]
    log_bytes: int
    oldest: int | None
    newest: int | None

    @property
    def count(self) -> int:
        return sum(self.by_status.values())


def _read(said: JsonDict) -> tuple[Filter, int, int | None]:
    older_than = round(float(said.pop("older_than", 0)) * MICROSECONDS)
    completed_before = _instant(said.pop("completed_before", None))
    fields: dict[str, Any] = {
        "statuses": tuple(Status[str(label).upper()] for label in said.pop("status", ())),
        "reasons": tuple(Reason(label) for label in said.pop("reason", ())),
        "operation_type": said.pop("type", None),
        **{name: _instant(said.pop(name, None)) for name in ("since", "until")},
        **{name: said.pop(name, None) for name in TEXTS},
    }
    if said:
        raise BadInput(f"the filter of a purge has no {next(iter(said))!a}")
    if not all(value is None or isinstance(value, str) for value in (fields[name] for name in TEXTS)):
        raise BadInput(f"in the filter of a purge, {', '.join(TEXTS)} are texts")
    return Filter(**fields), older_than, completed_before


def _instant(text: str | None) -> int | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise BadInput(f"the instant {text!a} lacks its offset from UTC")
    return from_datetime(moment)
