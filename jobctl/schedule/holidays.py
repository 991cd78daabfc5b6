"""The dates that `--skip` names: written out, or listed in a text file or an iCalendar file (RFC 5545)."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator

from jobctl.errors import BadInput
from jobctl.schedule.skip import FIRST, LAST, Days, joined, parse_date, shown

MOST_DATES = 20_000
"""More than fifty years of days: whoever skips more means another schedule."""
MOST_BYTES = 5_000_000

FIRST_DAY, LAST_DAY = FIRST.toordinal(), LAST.toordinal()
LINES = re.compile("\r\n|\r|\n")
CALENDAR = re.compile(r"\s*BEGIN:VCALENDAR\b", re.IGNORECASE)
FORMS = "write dates and ranges as in 2026-12-25,2027-01-02..2027-01-06, or @FILE"


def read_skip(text: str) -> list[str]:
    """The dates in order, as a schedule stores them; BadInput says what is wrong and where.

    `text` holds ISO dates and ranges `FIRST..LAST` by comma, or is `@FILE`: one or several of them in each line, `#`
    before a comment, or an iCalendar file, whose whole-day events count.
    """
    if not text.startswith("@"):
        return _dates(_listed(text))
    path = os.path.expanduser(text[1:])
    content = _content(path)
    try:
        if not CALENDAR.match(content):
            return _dates(_lines(content))
        from jobctl.schedule.ical import days_of

        return _dates(days_of(content))
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


def _dates(days: Iterable[Days]) -> list[str]:
    """Each date once; those no schedule reaches are left out."""
    inside = [Days(max(each.first, FIRST_DAY), min(each.last, LAST_DAY)) for each in days]
    stretches = joined(each for each in inside if each.number > 0)
    number = sum(each.number for each in stretches)
    if number > MOST_DATES:
        raise BadInput(f"{number} dates are too many to skip; the most are {MOST_DATES}")
    if number == 0:
        raise BadInput(f"it names no date to skip; {FORMS}")
    return [date.isoformat() for each in stretches for date in each.dates()]


def _listed(text: str) -> Iterator[Days]:
    for item in text.split(","):
        if not item.strip():
            raise BadInput(f"a date is missing in {shown(text)}; {FORMS}")
        first, dots, last = item.partition("..")
        start = parse_date(first.strip())
        end = parse_date(last.strip()) if dots else start
        if end < start:
            raise BadInput(f"the range {item.strip()} ends before it begins")
        yield Days(start.toordinal(), end.toordinal())


def _lines(content: str) -> Iterator[Days]:
    for number, line in enumerate(LINES.split(content), 1):
        text = line.partition("#")[0].strip()
        try:
            yield from _listed(text) if text else ()
        except BadInput as error:
            raise BadInput(f"line {number}: {error}") from None


def _content(path: str) -> str:
    """The text of a regular file; BadInput when there is none."""
    if not path:
        raise BadInput(f"the file's name is missing after @; {FORMS}")
    try:
        # Not blocking: opening a pipe that nobody writes to would never return.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise BadInput(f"{path} is not a regular file")
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a file's name"
        raise BadInput(f"cannot read {path!a}: {reason}") from None
    if len(data) > MOST_BYTES:
        raise BadInput(f"{path} is larger than {MOST_BYTES // 1_000_000} MB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 (byte {error.start})") from None
