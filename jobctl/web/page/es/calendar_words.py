"""Days and months of the words of a schedule, in Spanish."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

WEEKDAYS: Final = {
    "Monday": "lunes",
    "Tuesday": "martes",
    "Wednesday": "miércoles",
    "Thursday": "jueves",
    "Friday": "viernes",
    "Saturday": "sábado",
    "Sunday": "domingo",
}
MONTHS: Final = {
    "January": "enero",
    "February": "febrero",
    "March": "marzo",
    "April": "abril",
    "May": "mayo",
    "June": "junio",
    "July": "julio",
    "August": "agosto",
    "September": "septiembre",
    "October": "octubre",
    "November": "noviembre",
    "December": "diciembre",
}
FROM_START: Final = {"first": "primer", "second": "segundo", "third": "tercer", "fourth": "cuarto", "fifth": "quinto"}
FROM_END: Final = {1: "último", 2: "penúltimo", 3: "antepenúltimo"}
LOCAL: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}(?::[0-9]{2})? [^\s,]+"
WEEKDAY: Final = f"(?:{'|'.join(WEEKDAYS)})"
MONTH: Final = f"(?:{'|'.join(MONTHS)})"
ORDINAL: Final = r"[0-9]+(?:st|nd|rd|th)"
NUMBERED: Final = rf"(?:{ORDINAL} to last|last|{'|'.join(FROM_START)}|{ORDINAL})"
BREAK: Final = re.compile(", | and | or ")
"""Between the items of a list."""
MARK: Final = re.compile("(, | and | or )")


def listing(item: str) -> str:
    """The pattern of `a`, `a and b`, `a, b or c`."""
    return f"(?:{item})(?:, (?:{item}))*(?: (?:and|or) (?:{item}))?"


def together(text: str) -> str:
    """A list of what needs no translation."""
    return text.replace(" and ", " y ").replace(" or ", " o ")


NUMBERED_WEEKDAY: Final = rf"{listing(NUMBERED)} (?:{WEEKDAY}|weekday)"
"""`2nd Tuesday`, `1st and last Friday`."""
DAY: Final = rf"(?:{ORDINAL} to last|last) day|{ORDINAL}(?! to last)"
"""`15th`, `last day`."""
WHICH: Final = rf"(?:a )?{WEEKDAY}(?: to {WEEKDAY})?|the {NUMBERED_WEEKDAY}"


def number(ordinal: str) -> str:
    """`2` of `2nd`."""
    return ordinal.rstrip("stndrh")


def numbered(text: str) -> str:
    """Which one of several, before a noun: `primer`, `2.º`, `penúltimo`, `4.º desde el final`."""
    if text in FROM_START:
        return FROM_START[text]
    if text == "last":
        return FROM_END[1]
    count = int(number(text.removesuffix(" to last")))
    if text.endswith(" to last"):
        return FROM_END.get(count, f"{count}.º desde el final")
    return {1: "primer", 3: "tercer"}.get(count, f"{count}.º")


def each_of(text: str, made: Callable[[str], str]) -> str:
    """A list, each of its items made another."""
    return together("".join(part if MARK.fullmatch(part) else made(part) for part in MARK.split(text)))


def plural(weekday: str) -> str:
    name = WEEKDAYS[weekday]
    return name if name.endswith("s") else f"{name}s"


def on_weekdays(match: re.Match[str]) -> str:
    """`los lunes y sábados`."""
    return f"los {each_of(match[1], plural)}"


def every_weekday(match: re.Match[str]) -> str:
    return f"cada {WEEKDAYS[match[1]]}"


def from_weekday(match: re.Match[str]) -> str:
    return f"de {WEEKDAYS[match[1]]} a {WEEKDAYS[match[2]]}"


def one_of(text: str) -> str:
    """Alternatives: `lunes, miércoles o el último viernes`."""
    found = re.sub(rf"(the )?({NUMBERED_WEEKDAY})", lambda match: _numbered_weekday(match[2]), text)
    found = re.sub(rf"({WEEKDAY}) to ({WEEKDAY})", from_weekday, found)
    return together(re.sub(rf"(?:a )?({WEEKDAY})", lambda match: WEEKDAYS[match[1]], found))


def numbered_weekdays(match: re.Match[str]) -> str:
    """`el 2.º martes y el último viernes`."""
    found = re.sub(NUMBERED_WEEKDAY, lambda one: _numbered_weekday(one[0]), match[1])
    return together(found)


def _numbered_weekday(text: str) -> str:
    *numbers, name = text.split(" ")
    which = each_of(" ".join(numbers), numbered)
    noun = WEEKDAYS.get(name, "día laborable")
    if len(BREAK.split(" ".join(numbers))) == 1 and which.endswith("el final"):
        return f"el {which.removesuffix(' desde el final')} {noun} desde el final"
    return f"el {which} {noun}"


def nearest(match: re.Match[str]) -> str:
    which = match[1]
    if which[0].isdigit() and not which.endswith("last"):
        return f"el día laborable más cercano al {number(which)}"
    return f"el día laborable más cercano al {_last_day(which)}"


def stepped(match: re.Match[str]) -> str:
    step, first, last = map(number, match.groups())
    return f"cada {step} días del {first} al {last}"


def of_month(match: re.Match[str]) -> str:
    """`el día 1`, `el último día`, `los días 1, 15 y último`."""
    parts = BREAK.split(match[1])
    if len(parts) == 1:
        return f"el {_last_day(parts[0])}" if parts[0].endswith("day") else f"el día {number(parts[0])}"
    return f"los días {each_of(match[1], _day)}"


def _day(text: str) -> str:
    return numbered(text.removesuffix(" day")) if text.endswith("day") else number(text)


def _last_day(text: str) -> str:
    """`último día`, `4.º día desde el final`."""
    which = numbered(text.removesuffix(" day"))
    return f"{which.removesuffix(' desde el final')} día" + (" desde el final" if which.endswith("final") else "")


def from_month(match: re.Match[str]) -> str:
    return f"de {MONTHS[match[1]]} a {MONTHS[match[2]]}"


def in_months(match: re.Match[str]) -> str:
    return f"{'de' if match[1] == 'of' else 'en'} {each_of(match[2], MONTHS.__getitem__)}"
