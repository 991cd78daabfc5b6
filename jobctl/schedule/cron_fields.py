"""What the fields of both cron dialects have in common: numbers, names, ranges and steps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from jobctl.errors import BadInput
from jobctl.schedule import words

LONGEST = 256
VALUE = "[0-9]{1,4}|[a-z]{3}"
ITEM = re.compile(rf"(?:(\*)|({VALUE})(?:-({VALUE}))?)(?:/([0-9]{{1,4}}))?")
NTH_WEEKDAY = re.compile(rf"({VALUE})#([0-9]+)")
MONTHS = {name[:3].lower(): month for month, name in enumerate(words.MONTHS, 1)}
WEEKDAYS = [name[:3].lower() for name in (words.WEEKDAYS[-1], *words.WEEKDAYS[:-1])]
"""From Sunday."""
UNITS = {"second": "s", "minute": "m", "hour": "h"}


@dataclass(frozen=True, slots=True)
class Field:
    """One field and the values it takes."""

    name: str
    low: int
    high: int
    size: int
    """How many different values there are: to Unix cron, Sunday is both 0 and 7."""
    longest_step: int
    numbers: Mapping[str, int] = field(default_factory=dict)
    """What its names stand for."""

    def number(self, text: str) -> int:
        """The value of a number or name; BadInput naming the field."""
        value = int(text) if text.isdigit() else self.numbers.get(text)
        if value is None or not self.low <= value <= self.high:
            names = f" or {next(iter(self.numbers))} to {list(self.numbers)[-1]}" if self.numbers else ""
            raise BadInput(f"the {self.name} field cannot be {text!r}; it goes from {self.low} to {self.high}{names}")
        return value

    def nth(self, weekday: str, nth: str) -> tuple[int, int]:
        """A weekday's value and which one of the month it is; BadInput unless #1 to #5."""
        if not 1 <= int(nth) <= 5:
            raise BadInput(f"the {self.name} field cannot be '{weekday}#{nth}'; a weekday of a month is #1 to #5")
        return self.number(weekday), int(nth)

    def step(self, item: str, step: str | None) -> int:
        """The step of an item, 1 without one; BadInput for none at all and for more than the field has room for."""
        if step is None or 1 <= int(step) <= self.longest_step:
            return int(step or 1)
        unit = UNITS.get(self.name)
        instead = f"; write --every {int(step)}{unit}" if unit and int(step) else ""
        raise BadInput(
            f"the {self.name} field cannot step by {int(step)} in {item!r}; a step is 1 to {self.longest_step}{instead}"
        )

    def between(self, first: int, last: int, step: int = 1) -> list[int]:
        """The values from `first` to `last`, past the end and on from the beginning where `last` is the lower one."""
        if first <= last:
            return list(range(first, last + 1, step))
        return [*range(first, self.low + self.size), *range(self.low, last + 1)][::step]


def in_lower_case(text: str, dialect: str) -> list[str]:
    """The parts of an expression; BadInput when it is too long or not plain ASCII."""
    if len(text) > LONGEST:
        raise BadInput(f"a {dialect} expression has at most {LONGEST} characters, not {len(text)}")
    if not text.isascii():
        raise BadInput(f"the {dialect} expression {text!r} holds characters outside ASCII; digits are 0 to 9")
    return text.lower().split()
