"""Schedules in words, in Spanish: what `jobctl/schedule/*words.py` puts together, translated phrase by phrase.

These words are a closed language without anything of users but the expression, which is quoted; they are read from
left to right, and a text that is not wholly understood is not translated at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from jobctl.web.page.es import calendar_words as days
from jobctl.web.page.es.calendar_words import LOCAL, MONTH, NUMBERED, ORDINAL, WEEKDAY, listing, number, together

CLOCK: Final = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2})?"
PAST: Final = r"[0-9]+(?::[0-9]{2})?"
HOUR: Final = r"[0-9]{2}"
RUN: Final = rf"every (?:{ORDINAL} )?hour(?: from {HOUR} to {HOUR})?"
DURATION: Final = r"[0-9]+[a-z]+(?: [0-9]+[a-z]+)*"
UNITS: Final = {
    "second": ("segundo", "segundos"),
    "minute": ("minuto", "minutos"),
    "hour": ("hora", "horas"),
    "day": ("día", "días"),
    "week": ("semana", "semanas"),
    "month": ("mes", "meses"),
    "year": ("año", "años"),
}
PERIOD: Final = re.compile(
    rf"(?P<rule>.*?)(?: from (?P<start>{LOCAL})|, (?P<zone>\S+) time)(?: until (?P<end>{LOCAL}))?(?P<skip>, not on .*)?"
)
ONCE: Final = re.compile(rf"once at (?P<at>{LOCAL})(?P<skip>, not on .*)?")
DATE: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
SKIP: Final = re.compile(rf", not on (?:(?P<number>[0-9]+) dates|(?P<dates>{listing(f'{DATE}(?: to {DATE})?')}))")
BOOT: Final = "once after each start of the machine, when the daemon runs"

Made = Callable[[re.Match[str]], str]


@lru_cache(maxsize=1024)
def translated(text: str) -> str | None:
    """A schedule's words in Spanish; None for a text that is none of these."""
    if text == BOOT:
        return "una vez tras cada arranque de la máquina, cuando el daemon esté en marcha"
    once = ONCE.fullmatch(text)
    if once is not None:
        without = _skipped(once["skip"])
        return None if without is None else f"una vez, el {once['at']}{without}"
    match = PERIOD.fullmatch(text)
    if match is None:
        return None
    rule, without = _scanned(match["rule"]), _skipped(match["skip"])
    if rule is None or without is None:
        return None
    zone = "UTC" if match["zone"] == "UTC" else f"de {match['zone']}"
    since = f" desde el {match['start']}" if match["start"] else f", hora {zone}"
    until = f" hasta el {match['end']}" if match["end"] else ""
    return f"{rule}{since}{until}{without}"


def _skipped(text: str | None) -> str | None:
    """The dates left out; "" for none."""
    if text is None:
        return ""
    match = SKIP.fullmatch(text)
    if match is None:
        return None
    dates = f"{match['number']} fechas" if match["number"] else together(match["dates"].replace(" to ", " a "))
    return f", excepto {dates}"


def _scanned(text: str) -> str | None:
    place, found = 0, ""
    while place < len(text):
        between = BETWEEN.match(text, place)
        assert between is not None
        for pattern, make in PHRASES:
            match = pattern.match(text, between.end())
            if match is not None:
                found += between[0] + make(match)
                place = match.end()
                break
        else:
            return None
    return found


# Times of day and intervals


def _at(match: re.Match[str]) -> str:
    """One o'clock is singular: `a la 01:00`, `a las 01:00 y 13:00`."""
    clocks = together(match[1])
    return f"a {'la' if len(clocks) < 9 and clocks.startswith('01:') else 'las'} {clocks}"


def _past(match: re.Match[str]) -> str:
    several = not match[1].replace(":", "").isdigit()
    minutes = f"en los minutos {together(match[1])}" if several else f"en el minuto {match[1]}"
    return minutes + (f" de {_hours(match[2])}" if match[2] else "")


def _between_minutes(match: re.Match[str]) -> str:
    return f"del minuto {match[1]} al {match[2]}" + (f" de {_hours(match[3])}" if match[3] else "")


def _hours(text: str) -> str:
    """`every hour from 09 to 17`, `every 2nd hour from 08 to 20`, `09, 12 and 17`."""
    match = HOURS_RUN.fullmatch(text)
    if match is None:
        return f"la hora {text}" if text.isdigit() else f"las horas {together(text)}"
    step, first, last = match.groups()
    every = f"una de cada {number(step)} horas" if step else "cada hora"
    return f"{every} (de {first} a {last})" if first else every


def _every(match: re.Match[str]) -> str:
    count, unit = match[1], match[2]
    if count is None:
        return "todos los días" if unit == "day" else f"cada {UNITS[unit][0]}"
    return f"cada {count} {UNITS[unit][1]}"


def _only_hours(match: re.Match[str]) -> str:
    if match[1]:
        return f"en las horas {match[1]} a {match[2]}"
    return f"en {_hours(match[3])}"


def _same(match: re.Match[str]) -> str:
    return match[0]


def _text(text: str) -> Made:
    return lambda match: match.expand(text)


BETWEEN: Final = re.compile(",? ?")
HOURS_RUN: Final = re.compile(rf"every (?:({ORDINAL}) )?hour(?: from ({HOUR}) to ({HOUR}))?")
TIMES: Final[list[tuple[str, Made]]] = [
    (r"\((?:cron|quartz|RRULE) [^()]*\)", _same),
    (r"(?:cron|quartz) [^()]+$", _same),
    ("once when scheduled, then", _text("una vez al programarse y después")),
    (rf"at ({listing(PAST)}) past(?: ({RUN}|{listing(HOUR)}))?", _past),
    (rf"at ({listing(CLOCK)})", _at),
    (r"at ([0-9]+) minutes past", _text(r"en \1 minutos de la hora")),
    (r"at ([0-9]+) seconds past", _text(r"en el segundo \1")),
    (rf"from ({PAST}) to ({PAST}) past(?: ({RUN}|{listing(HOUR)}))?", _between_minutes),
    (rf"from ({CLOCK}) to ({CLOCK})", _text(r"de \1 a \2")),
    (rf"from ({CLOCK})", _text(r"desde las \1")),
    (rf"between ({CLOCK}) and ({CLOCK})", _text(r"entre las \1 y las \2")),
    (rf"of (?:the hours )?({RUN}|{listing(HOUR)})", lambda match: f"de {_hours(match[1])}"),
    (r"([0-9]+) times a day", _text(r"\1 veces al día")),
    (rf"only in the hours? (?:({HOUR}) to ({HOUR})|({listing(HOUR)}))", lambda match: f"solo {_only_hours(match)}"),
    ("only", _text("solo")),
    ("counting", _text("contando")),
    ("each once a day", _text("cada una solo una vez al día")),
    ("as often as the clock shows it", _text("tantas veces como las marque el reloj")),
    ("where its parts allow", _text("cuando sus partes lo permiten")),
]
INTERVALS: Final[list[tuple[str, Made]]] = [
    (rf"every ({DURATION})", _text(r"cada \1")),
    (rf"every (?:([0-9]+) )?({'|'.join(UNITS)})s?", _every),
]
DAYS: Final[list[tuple[str, Made]]] = [
    (rf"(?:on )?every ({ORDINAL}) day from the ({ORDINAL}) to the ({ORDINAL})", days.stepped),
    (rf"on every ({ORDINAL}) day", lambda match: f"cada {number(match[1])} días"),
    (rf"(?:on )?every ({WEEKDAY})", days.every_weekday),
    ("on all days", _text("todos los días")),
    (rf"on ({WEEKDAY}) to ({WEEKDAY})", days.from_weekday),
    (rf"on ({listing(WEEKDAY)})", days.on_weekdays),
    (rf"if it is ({listing(days.WHICH)})", lambda match: f"si es {days.one_of(match[1])}"),
    (rf"where that is ({listing(days.WHICH)})", lambda match: f"cuando es {days.one_of(match[1])}"),
    (rf"(?:on )?the ({listing(days.NUMBERED_WEEKDAY)})", days.numbered_weekdays),
    (r"(?:on )?the last working day", _text("el último día laborable")),
    (rf"(?:on )?the working day nearest the ({NUMBERED})(?: day)?", days.nearest),
    (rf"(?:on )?the ({ORDINAL}) to (?!last)({ORDINAL})", lambda match: f"del {number(match[1])} al {number(match[2])}"),
    (rf"(?:on )?the ({listing(days.DAY)})", days.of_month),
    (rf"on ([0-9]+) ({MONTH})", lambda match: f"el {match[1]} de {days.MONTHS[match[2]]}"),
    (r"or else ([0-9]+)", _text(r"o si no el \1")),
    ("or the month's last day", _text("o el último día del mes")),
    ("or else (?:the )?last day", _text("o si no el último día")),
]
PERIODS: Final[list[tuple[str, Made]]] = [
    (rf"of each month from ({MONTH}) to ({MONTH})", lambda match: f"de cada mes {days.from_month(match)}"),
    ("of (?:each|every) month", _text("de cada mes")),
    (rf"of every ({ORDINAL}) month", lambda match: f"cada {number(match[1])} meses"),
    (rf"(?:of|in|from) ({MONTH}) to ({MONTH})", lambda match: days.from_month(match)),
    (rf"(of|in) ({listing(MONTH)})", days.in_months),
    (r"in the years ([0-9]{4}) to ([0-9]{4})", _text(r"en los años \1 a \2")),
    (
        rf"in every ({ORDINAL}) year from ([0-9]{{4}}) to ([0-9]{{4}})",
        lambda match: f"cada {number(match[1])} años de {match[2]} a {match[3]}",
    ),
    (rf"in ({listing('[0-9]{4}')})", lambda match: f"en {together(match[1])}"),
    ("and", _text("y")),
    ("or", _text("o")),
]
PHRASES: Final = [
    (re.compile(rf"(?:{pattern})(?=[ ,]|$)"), make) for pattern, make in (*TIMES, *DAYS, *PERIODS, *INTERVALS)
]
"""The first that fits, so that what is longer stands before what it begins with."""
