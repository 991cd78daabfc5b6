"""The words of an OData expression, and the literals among them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from jobctl.clock import EPOCH, from_datetime
from jobctl.errors import BadInput
from jobctl.querying import Kind, Value
from jobctl.web.dataverse.attributes import shown
from jobctl.web.dataverse.identifiers import FORM

LARGEST: Final = 2**63 - 1
WORDS: Final = re.compile(
    rf"""\s*(?:
      (?P<text>'(?:[^']|'')*')
    | (?P<guid>{FORM.pattern})(?![\w-])
    | (?P<instant>-?\d{{4}}-\d\d-\d\d[Tt]\d\d:\d\d(?::\d\d(?:\.\d{{1,12}})?)?(?:[Zz]|[+-]\d\d:\d\d)?)(?![\w:.-])
    | (?P<date>-?\d{{4}}-\d\d-\d\d)(?![\w:.-])
    | (?P<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])
    | (?P<name>[A-Za-z_][\w.]*(?:/[A-Za-z_][\w.]*)*)
    | (?P<mark>[(),=])
    )""",
    re.VERBOSE | re.ASCII,
)
OFFSET: Final = re.compile(r"[Tt]\d\d:\d\d[\d:.]* \d\d\Z", re.ASCII)
"""The first half of an instant's offset from UTC whose + was read as a space."""


@dataclass(frozen=True, slots=True)
class Word:
    kind: str
    """text, guid, instant, date, number, name, mark, or end."""
    text: str
    at: int
    """How many characters stand before it."""


def words(text: str) -> Iterator[Word]:
    """Raises BadInput at the first character that begins none."""
    at = 0
    while text[at:].strip():
        match = WORDS.match(text, at)
        if match is None or match.lastgroup is None and match.end() == at:
            at += len(text[at:]) - len(text[at:].lstrip())
            hint = "; in an address + is a space: write it as %2B" if OFFSET.search(text[:at]) else ""
            raise BadInput(f"{shown(text[at:])} at character {at + 1} is no word of a filter{hint}")
        kind = next(name for name, found in match.groupdict().items() if found is not None)
        yield Word(kind, match[kind], match.start(kind))
        at = match.end()
    yield Word("end", "", len(text))


def literal(word: Word) -> Value | None:
    """The value a word stands for; None for a name or a mark. Raises BadInput for one that cannot be."""
    match word.kind:
        case "text":
            return Value(word.text[1:-1].replace("''", "'"), Kind.TEXT)
        case "guid":
            return Value(word.text.lower(), Kind.UUID)
        case "instant":
            return Value(instant(word.text), Kind.INSTANT)
        case "date":
            return Value(day(word.text), Kind.DATE)
        case "number":
            return Value(number(word.text), Kind.NUMBER)
        case "name" if word.text == "null":
            return Value(None, None)
        case "name" if word.text in ("true", "false"):
            return Value(int(word.text == "true"), Kind.BOOLEAN)
    return None


def instant(text: str) -> int:
    """Microseconds since the epoch; without an offset it is UTC. Raises BadInput."""
    with suppress(ValueError, OverflowError):
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text.upper()))
        return from_datetime(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
    raise BadInput(f"{shown(text)} is no instant; write one as 2026-03-01T02:00:00Z")


def day(text: str) -> int:
    """Days since the epoch. Raises BadInput."""
    with suppress(ValueError):
        return (date.fromisoformat(text) - EPOCH.date()).days
    raise BadInput(f"{shown(text)} is no date; write one as 2026-03-01")


def number(text: str) -> int | float:
    """Raises BadInput for one beyond 64 bits."""
    found: int | float = float(text) if re.search("[.eE]", text) else int(text[:25])
    if abs(found) > LARGEST:
        raise BadInput(f"{shown(text)} is too large a number")
    return found
