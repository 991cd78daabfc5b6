"""The grammar of instants and durations people type, and how both are shown. Instants are microseconds UTC."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

from jobctl.clock import from_datetime, to_datetime
from jobctl.errors import BadInput
from jobctl.schedule.daylight import EARLIEST, LATEST, TICK, first_reading
from jobctl.schedule.lengths import format_duration as format_duration

INSTANT_FORMS = (
    "now, in 10m, 2026-12-01, 2026-12-01 09:00, 2026-12-01T09:00:30Z, 2026-12-01T09:00+01:00, 09:00, "
    "today, tomorrow or a weekday such as fri, each with or without 22:30, and @1767225600"
)
DURATION_FORMS = "350ms, 90s, 2h30m, 1d, 1w (units in descending order), or ISO 8601 as PT30S, P1DT12H, P2W"
LONGEST = 64

DAY = timedelta(days=1)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

CLOCK = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,6}))?)?"
DATE = r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
OFFSET = r"(?: ?(?P<utc>Z)| ?(?P<sign>[+-])(?P<off_hour>[0-9]{2}):?(?P<off_minute>[0-9]{2})?)"
DAY_WORDS = "today|tomorrow|" + "|".join(f"{name[:3]}|{name}" for name in WEEKDAYS)

DAY_ORDER = re.compile(r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})(?:[ T].*)?")

UNITS = {
    "w": 7 * DAY,
    "d": DAY,
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
NUMBER = r"[0-9]{1,12}(?:\.[0-9]{1,9})?"
SHORT = re.compile(" ?".join(rf"(?:({NUMBER}) ?{unit}(?![a-z]))?" for unit in UNITS))
ISO = re.compile(
    rf"P(?:({NUMBER})W|(?=[0-9T])(?:({NUMBER})D)?(?:T(?=[0-9])(?:({NUMBER})H)?(?:({NUMBER})M)?(?:({NUMBER})S)?)?)"
)
ISO_CALENDAR = re.compile(r"P(?=[0-9.]+[YM])[0-9.YMWDTHS]+")


def parse_instant(text: str, now: int, zone: tzinfo) -> int:
    """The instant a text names; a date alone is its first moment. BadInput lists the accepted forms."""
    return _Reading(to_datetime(now), zone).read(text)


def parse_past(text: str, now: int, zone: tzinfo) -> int:
    """An instant that lies behind: as parse_instant, and `yesterday [HH:MM]`, `2h ago`; a bare duration is ago, too.

    Raises BadInput.
    """
    clean = text.strip()
    if clean.startswith("yesterday"):
        yesterday = (to_datetime(now).astimezone(zone) - timedelta(days=1)).date()
        return parse_instant(f"{yesterday.isoformat()} {clean.removeprefix('yesterday').strip() or '00:00'}", now, zone)
    try:
        return now - parse_duration(clean.removesuffix("ago").strip()) // timedelta(microseconds=1)
    except BadInput:
        if clean.endswith("ago"):
            raise
    return parse_instant(text, now, zone)


def parse_end(text: str, now: int, zone: tzinfo) -> int:
    """Like `parse_instant`, but a day without a time is its last microsecond: that day is included."""
    return _Reading(to_datetime(now), zone, ends=True).read(text)


def parse_duration(text: str) -> timedelta:
    """The length a text names, zero included. BadInput lists the accepted forms."""
    clean = text.strip(" ")
    match = (SHORT.fullmatch(clean) or ISO.fullmatch(clean)) if 0 < len(clean) <= LONGEST else None
    if match is not None:
        length = _total(match.groups())
        if length is None:
            raise BadInput(
                f"{_shown(text)} is longer than the calendar, which ends in 9999; accepted are {DURATION_FORMS}"
            )
        return length
    if ISO_CALENDAR.fullmatch(clean):
        raise BadInput(
            f"{_shown(text)} has no fixed length, as months and years have none; accepted are {DURATION_FORMS}"
        )
    raise BadInput(f"{_shown(text)} is no duration; accepted are {DURATION_FORMS}")


def format_local(instant: int, zone: tzinfo) -> str:
    """An instant on the zone's clock, to the second: `2026-11-21 09:00:00 +01:00`."""
    local = to_datetime(instant).astimezone(zone).isoformat(sep=" ", timespec="seconds")
    return f"{local[:19]} {local[19:]}"


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads one text at the moment `now` in a zone; `ends` asks for the last moment of a bare day."""

    now: datetime
    zone: tzinfo
    ends: bool = False

    def read(self, text: str) -> int:
        clean = text.strip(" ")
        for pattern, reader in READERS if len(clean) <= LONGEST else ():
            match = pattern.fullmatch(clean)
            if match is None:
                continue
            try:
                found = reader(self, match)
            except OverflowError:
                found = None
            except ValueError as error:
                raise BadInput(f"there is no {_shown(text)} ({error}); accepted are {INSTANT_FORMS}") from None
            if found is None or not EARLIEST <= found <= LATEST:
                raise BadInput(
                    f"{_shown(text)} lies outside 1970-01-01 to 9999-12-30 UTC; accepted are {INSTANT_FORMS}"
                )
            return from_datetime(found)
        if match := DAY_ORDER.fullmatch(clean):
            raise BadInput(_day_order(match, text))
        raise BadInput(f"{_shown(text)} is no instant; accepted are {INSTANT_FORMS}")

    def at_now(self, match: re.Match[str]) -> datetime:
        return self.now

    def after_duration(self, match: re.Match[str]) -> datetime:
        try:
            return self.now + parse_duration(match["duration"])
        except BadInput:  # the form is right, so it is too long
            raise OverflowError from None

    def at_epoch(self, match: re.Match[str]) -> datetime:
        return EARLIEST + _times(match["seconds"], UNITS["s"])

    def on_date(self, match: re.Match[str]) -> datetime:
        day = date(int(match["year"]), int(match["month"]), int(match["day"]))
        if match["hour"] is None:
            return self._whole_day(day)
        wall = datetime.combine(day, _clock(match))
        if match["utc"] is None and match["sign"] is None:
            return first_reading(self.zone, wall)
        return wall.replace(tzinfo=_offset(match)).astimezone(UTC)

    def at_clock(self, match: re.Match[str]) -> datetime:
        """The next instant at which the local clock reads it."""
        clock, today = _clock(match), self._today()
        readings = [self._passes(datetime.combine(today + days * DAY, clock)) for days in (0, 1, 2)]
        return next(found for passes in readings for found in passes if found >= self.now)

    def on_day(self, match: re.Match[str]) -> datetime:
        word, today = match["word"].lower(), self._today()
        if word in ("today", "tomorrow"):
            return self._day_at(today + (word == "tomorrow") * DAY, match)
        weekday = next(number for number, name in enumerate(WEEKDAYS) if name.startswith(word))
        day = today + (weekday - today.weekday()) % 7 * DAY
        found = self._day_at(day, match)
        return found if found >= self.now else self._day_at(day + 7 * DAY, match)

    def _day_at(self, day: date, match: re.Match[str]) -> datetime:
        if match["hour"] is None:
            return self._whole_day(day)
        return first_reading(self.zone, datetime.combine(day, _clock(match)))

    def _whole_day(self, day: date) -> datetime:
        if self.ends:
            return first_reading(self.zone, datetime.combine(day + DAY, time())) - TICK
        return first_reading(self.zone, datetime.combine(day, time()))

    def _passes(self, wall: datetime) -> list[datetime]:
        """Both instants of a doubled local time, else the one."""
        second = wall.replace(tzinfo=self.zone, fold=1).astimezone(UTC)
        first = first_reading(self.zone, wall)
        return [first, max(first, second)]

    def _today(self) -> date:
        return self.now.astimezone(self.zone).date()


READERS: tuple[tuple[re.Pattern[str], Callable[[_Reading, re.Match[str]], datetime]], ...] = (
    (re.compile("now"), _Reading.at_now),
    (re.compile(r"@(?P<seconds>[0-9]{1,12}(?:\.[0-9]{1,6})?)"), _Reading.at_epoch),
    (re.compile(rf"{DATE}(?:[T ]{CLOCK}{OFFSET}?)?"), _Reading.on_date),
    (re.compile(CLOCK), _Reading.at_clock),
    (re.compile(rf"(?P<word>{DAY_WORDS})(?: {CLOCK})?", re.IGNORECASE), _Reading.on_day),
    (re.compile(rf"(?:in )?(?P<duration>(?=[0-9P])(?:{SHORT.pattern}|{ISO.pattern}))"), _Reading.after_duration),
)


def _clock(match: re.Match[str]) -> time:
    fraction = (match["fraction"] or "").ljust(6, "0")
    return time(int(match["hour"]), int(match["minute"]), int(match["second"] or 0), int(fraction))


def _offset(match: re.Match[str]) -> timezone:
    if match["utc"]:
        return UTC
    hours, minutes = int(match["off_hour"]), int(match["off_minute"] or 0)
    if hours > 23 or minutes > 59:
        raise ValueError("the offset must be within 23:59")
    length = timedelta(hours=hours, minutes=minutes)
    return timezone(-length if match["sign"] == "-" else length)


def _total(numbers: Iterable[str | None]) -> timedelta | None:
    """So many weeks, days, hours and so on; None past all reason."""
    try:
        length = sum((_times(number, unit) for number, unit in zip(numbers, UNITS.values(), strict=False)), 0 * DAY)
    except OverflowError:
        return None
    return length if length <= LATEST - EARLIEST else None


def _times(number: str | None, unit: timedelta) -> timedelta:
    """`number` units, exact to the microsecond."""
    whole, _, fraction = (number or "0").partition(".")
    part: timedelta = unit * int(fraction or 0) // 10 ** len(fraction)
    return int(whole) * unit + part


def _day_order(match: re.Match[str], text: str) -> str:
    first, second, year = (int(part) for part in match.groups())
    readings = []
    for day, month in dict.fromkeys([(first, second), (second, first)]):
        try:
            readings.append(date(year, month, day).isoformat())
        except ValueError:
            continue
    if not readings:
        return f"{_shown(text)} is no date; accepted are {INSTANT_FORMS}"
    fault = "leaves the order of day and month open" if len(readings) > 1 else "is not ISO 8601"
    return f"{_shown(text)} {fault}; write {' or '.join(readings)}"


def _shown(text: str) -> str:
    return repr(text if len(text) <= LONGEST else text[: LONGEST - 1] + "…")
