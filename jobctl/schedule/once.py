"""One occurrence: `{"notation": "once", "at": "2026-12-01T08:00:00+00:00"}`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from jobctl.errors import BadInput
from jobctl.schedule.recurring import Terms, utc


@dataclass(frozen=True, slots=True)
class Once:
    """A single instant, also when it has passed: a one-off run in the past runs once."""

    at: datetime
    words: str

    def first(self, created: datetime) -> datetime | None:
        return self.at

    def next_after(self, i: datetime) -> datetime | None:
        return self.at if self.at > i else None

    def last_before(self, i: datetime) -> datetime | None:
        return self.at if self.at < i else None

    def count_between(self, a: datetime, b: datetime) -> int:
        return int(a < self.at <= b)

    def describe(self) -> str:
        return self.words

    def note(self, i: datetime) -> str:
        return ""


def build(spec: Mapping[str, object], terms: Terms) -> Once:
    """The schedule of a spec; BadInput when `at` is no instant with an offset, or lies outside the plan's period."""
    text = spec.get("at")
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        raise BadInput(f"{text!r} is no instant; write one like 2026-12-01T08:00:00+00:00") from None
    if at.tzinfo is None:
        raise BadInput(f"{text!r} has no offset from UTC; write one like 2026-12-01T08:00:00+00:00")
    at = utc(at).astimezone(UTC)
    if terms.start is not None and at < terms.start:
        raise BadInput(f"nothing would ever run: {terms.local(at)} lies before the start {terms.local(terms.start)}")
    if terms.end is not None and at > terms.end:
        raise BadInput(f"nothing would ever run: {terms.local(at)} lies after the end {terms.local(terms.end)}")
    return Once(at, f"once at {terms.local(at)}")
