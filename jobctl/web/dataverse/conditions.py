"""A single condition of FetchXML or of a QueryExpression: an attribute, an operator by name, and texts for values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from jobctl.errors import BadInput
from jobctl.querying import AllOf, Column, Compare, Condition, Kind, Not, OneOf, Value, is_null
from jobctl.web.dataverse import identifiers, tokens
from jobctl.web.dataverse.attributes import FETCHED, attribute, shown, suggestion
from jobctl.web.dataverse.comparing import DAY, compared
from jobctl.web.dataverse.options import whole
from jobctl.web.dataverse.periods import is_counted, stretch

COMPARISONS: Final = {"eq": "eq", "ne": "ne", "neq": "ne", "gt": "gt", "ge": "ge", "lt": "lt", "le": "le"}
SEARCHES: Final = {
    "like": "like",
    "begins-with": "startswith",
    "ends-with": "endswith",
}
OPPOSITES: Final = {
    "not-in": "in",
    "not-like": "like",
    "not-begin-with": "begins-with",
    "not-end-with": "ends-with",
    "not-between": "between",
    "not-null": "null",
    "not-on": "on",
    "ne-userid": "eq-userid",
}
DATES: Final = ("on", "on-or-before", "on-or-after")
OTHERS: Final = ("null", "in", "between", "eq-userid")
PERIODS: Final = (
    "today", "yesterday", "tomorrow", "last-seven-days", "next-seven-days",
    *(f"{which}-{unit}" for unit in ("week", "month", "year") for which in ("last", "this", "next")),
    *(f"{which}-x-{unit}" for unit in ("hours", "days", "weeks", "months", "years") for which in ("last", "next")),
    *(f"older-than-x-{unit}" for unit in ("minutes", "hours", "days", "weeks", "months", "years")),
)  # fmt: skip
OPERATORS: Final = (*COMPARISONS, *SEARCHES, *OPPOSITES, *DATES, *OTHERS, *PERIODS)
MOST_VALUES: Final = 500
LONGEST_PATTERN: Final = 2000


class Reader:
    """Reads conditions as they mean at the instant `now`; `actor` is the number of who asks."""

    def __init__(self, now: int, actor: int) -> None:
        self.now = now
        self.actor = actor

    def condition(self, name: str, operator: str, values: Sequence[str]) -> Condition:
        """Raises BadInput naming what is wrong."""
        column = self.column(name)
        if operator in OPPOSITES:
            return Not(self.condition(name, OPPOSITES[operator], values))
        if operator not in OPERATORS:
            hint = suggestion(operator, OPERATORS)
            raise BadInput(f"no operator {shown(operator)} for conditions{hint}")
        if len(values) > MOST_VALUES:
            raise BadInput(f"a condition has {MOST_VALUES} values at most")
        if operator == "in":
            if not values:
                raise BadInput("in needs one value at least")
            return OneOf(column, tuple(self.value(column, text) for text in values))
        if operator == "between":
            low, high = self._exactly(2, operator, values)
            return AllOf((self._compared("ge", column, low), self._compared("le", column, high)))
        if operator in PERIODS:
            return self._within(column, operator, values)
        if operator in ("null", "eq-userid"):
            self._exactly(0, operator, values)
            return is_null(column) if operator == "null" else self._own(column)
        (text,) = self._exactly(1, operator, values)
        if operator in DATES:
            return self._on(column, operator, text)
        if operator in SEARCHES:
            return self._search(column, operator, text)
        return self._compared(COMPARISONS[operator], column, text)

    def column(self, name: str) -> Column:
        """Raises BadInput for an attribute there is not, or that cannot be searched for."""
        found = attribute(name, FETCHED)
        if found.column is None:
            raise BadInput(f"{name} is composed when it is shown, and cannot be searched for; message can")
        return Column(found.column)

    def compare_columns(self, name: str, operator: str, other: str) -> Condition:
        """FetchXML's `valueof`: an attribute compared with another one."""
        if operator not in COMPARISONS:
            raise BadInput(f"attributes are compared by {', '.join(COMPARISONS)}, not {shown(operator)}")
        return compared(COMPARISONS[operator], self.column(name), self.column(other))

    def value(self, column: Column, text: str) -> Value:
        """A text as a value of the column. Raises BadInput."""
        clean = text.strip()
        match column.kind:
            case Kind.TEXT:
                return Value(text, Kind.TEXT)
            case Kind.NUMBER:
                return Value(_number(clean), Kind.NUMBER)
            case Kind.BOOLEAN:
                return Value(_truth(clean), Kind.BOOLEAN)
            case Kind.INSTANT:
                return Value(_instant(clean), Kind.INSTANT)
        guid = identifiers.parse(clean.removeprefix("{").removesuffix("}"))
        if guid is None:
            raise BadInput(f"{shown(text)} is no GUID")
        return Value(_identifier(column.kind, guid), column.kind)

    def _compared(self, operator: str, column: Column, text: str) -> Condition:
        return compared(operator, column, self.value(column, text))

    def _exactly(self, number: int, operator: str, values: Sequence[str]) -> Sequence[str]:
        if len(values) != number:
            raise BadInput(f"{operator} takes {number or 'no'} value{'s' * (number != 1)}, not {len(values)}")
        return values

    def _own(self, column: Column) -> Condition:
        if column.kind is not Kind.ACTOR:
            raise BadInput("eq-userid and ne-userid compare a user: createdby, modifiedby, ownerid or owninguser")
        return Compare("eq", column, Value(self.actor, Kind.ACTOR))

    def _on(self, column: Column, operator: str, text: str) -> Condition:
        _needs(column, Kind.INSTANT, operator)
        begin = _instant(text.strip()) // DAY * DAY
        after = Compare("ge", column, Value(begin, Kind.INSTANT))
        before = Compare("lt", column, Value(begin + DAY, Kind.INSTANT))
        if operator == "on":
            return AllOf((after, before))
        return after if operator == "on-or-after" else before

    def _within(self, column: Column, operator: str, values: Sequence[str]) -> Condition:
        _needs(column, Kind.INSTANT, operator)
        counted = is_counted(operator)
        texts = self._exactly(int(counted), operator, values)
        found = stretch(operator, whole(texts[0].strip(), operator) if counted else None, self.now)
        assert found is not None
        begin, end = found
        parts = [Compare("lt", column, Value(end, Kind.INSTANT))]
        if begin is not None:
            parts.append(Compare("ge", column, Value(begin, Kind.INSTANT)))
        return AllOf(tuple(parts))

    def _search(self, column: Column, operator: str, text: str) -> Condition:
        _needs(column, Kind.TEXT, operator)
        pattern = like_pattern(text) if operator == "like" else text
        return Compare(SEARCHES[operator], column, Value(pattern, Kind.TEXT))


def _needs(column: Column, kind: Kind, operator: str) -> None:
    if column.kind is not kind:
        raise BadInput(f"{operator} is for {'dates' if kind is Kind.INSTANT else 'texts'}")


def _number(text: str) -> int | float:
    (word, *rest) = tokens.words(text)
    if word.kind != "number" or rest[0].kind != "end":
        raise BadInput(f"{shown(text)} is no number")
    return tokens.number(word.text)


def _truth(text: str) -> int:
    found = {"1": 1, "true": 1, "0": 0, "false": 0}.get(text.lower())
    if found is None:
        raise BadInput(f"{shown(text)} is neither true nor false: 1 or 0")
    return found


def _instant(text: str) -> int:
    return tokens.day(text) * DAY if len(text) <= 10 else tokens.instant(text)


def _identifier(kind: Kind, guid: UUID) -> str | int | bytes:
    if kind is Kind.ID:
        return guid.bytes
    return identifiers.actor(guid) if kind is Kind.ACTOR else str(guid)


def like_pattern(text: str) -> str:
    """A pattern of SQL Server's LIKE (`%`, `_`, and one character in brackets) as SQLite has it."""
    if len(text) > LONGEST_PATTERN:
        raise BadInput(f"a pattern of like has {LONGEST_PATTERN} characters at most")
    found, place = "", 0
    while place < len(text):
        if text[place] == "[":
            end = text.find("]", place + 2)
            inner = text[place + 1 : end] if end > 0 else ""
            if len(inner) != 1:
                raise BadInput(f"in like, brackets hold one character, as in [%]; {shown(text)} has others")
            found, place = found + "\\" + inner if inner in "%_\\" else found + inner, end + 1
        else:
            found, place = found + ("\\\\" if text[place] == "\\" else text[place]), place + 1
    return found
