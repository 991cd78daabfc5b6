"""What all notations share: the terms of a plan, and a rule held between its start and its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from jobctl.errors import BadInput
from jobctl.schedule.daylight import EARLIEST, LATEST, TICK, Rule
from jobctl.schedule.zones import zone

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Terms:
    """What a plan says beside its notation. Instants are UTC."""

    zone: ZoneInfo
    start: datetime | None
    end: datetime | None
    anchor: datetime
    """The moment of scheduling."""

    @classmethod
    def of(cls, time_zone: str, start: datetime | None, end: datetime | None, anchor: datetime) -> Terms:
        """Checked terms; BadInput for an unknown zone, an instant out of range or an end before the start."""
        terms = cls(
            zone(time_zone),
            None if start is None else utc(start),
            None if end is None else utc(end),
            utc(anchor),
        )
        if terms.start is not None and terms.end is not None and terms.end < terms.start:
            raise BadInput(f"the end {terms.local(terms.end)} lies before the start {terms.local(terms.start)}")
        return terms

    def local(self, instant: datetime) -> str:
        """An instant as people of the zone read it: `2026-11-21 09:00 Europe/Madrid`."""
        local = instant.astimezone(self.zone)
        return f"{local:%Y-%m-%d %H:%M:%S}".removesuffix(":00") + f" {self.zone.key}"

    def words(self, rule: str, start: datetime | None = None) -> str:
        """`rule` with the plan's period, in plain words."""
        start = start or self.start
        since = f" from {self.local(start)}" if start else f", {self.zone.key} time"
        return rule + since + (f" until {self.local(self.end)}" if self.end else "")


@dataclass(frozen=True, slots=True)
class OwnTerms:
    """What a notation says itself of a plan's terms; None where it is silent. Instants are aware."""

    start: datetime | None = None
    end: datetime | None = None
    """Inclusive."""
    count: int | None = None
    time_zone: str | None = None
    """The zone it is read in where none is asked for; None: the machine's."""
    catch_up: str | None = None


@dataclass(frozen=True, slots=True)
class Recurring:
    """The Schedule of a rule, no sooner than `start` and no later than `end` (inclusive)."""

    rule: Rule
    words: str
    start: datetime
    end: datetime
    anchored: bool = False
    """Whether the rule counts from an instant that is itself its first occurrence."""

    @classmethod
    def under(cls, terms: Terms, rule: Rule, words: str, anchored_at: datetime | None = None) -> Recurring:
        """`rule` under the terms of a plan."""
        start = anchored_at or terms.start or EARLIEST
        return cls(rule, terms.words(words, anchored_at), start, terms.end or LATEST, anchored_at is not None)

    def first(self, created: datetime) -> datetime | None:
        return self._at_or_after(created.astimezone(UTC)) if self.anchored else self.next_after(created)

    def next_after(self, i: datetime) -> datetime | None:
        i = i.astimezone(UTC)
        return self._at_or_after(i + TICK) if i < self.end else None

    def last_before(self, i: datetime) -> datetime | None:
        i = i.astimezone(UTC)
        if i <= self.start:
            return None
        found = self.rule.before(min(i, self.end + TICK))
        return found if found is not None and found >= self.start else None

    def count_between(self, a: datetime, b: datetime) -> int:
        low = max(a.astimezone(UTC), self.start - TICK) + TICK
        high = min(b.astimezone(UTC), self.end) + TICK
        return self.rule.count(low, high) if low < high else 0

    def describe(self) -> str:
        return self.words

    def note(self, i: datetime) -> str:
        return self.rule.note(i.astimezone(UTC))

    def _at_or_after(self, instant: datetime) -> datetime | None:
        if instant > self.end:
            return None
        found = self.rule.at_or_after(max(instant, self.start))
        return found if found is not None and found <= self.end else None


def utc(instant: datetime) -> datetime:
    """An aware datetime in UTC; BadInput outside 1970-01-01 to 9999-12-30."""
    if EARLIEST <= instant <= LATEST:
        return instant.astimezone(UTC)
    raise BadInput(f"{instant.isoformat()} lies outside 1970-01-01 to 9999-12-30 UTC")
