"""Conditions on system jobs as values, and the statements they become.

A door reads what it is asked into the values of this module: columns, functions and operators by name, everything else
as a `Value`. `Compiler` puts together the fragments of `sql/querying.sql` that these names stand for, and binds each
value as a parameter. So what comes from outside chooses among the fragments, and is never part of the statement.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from jobctl.database import Database
from jobctl.identity import number_of
from jobctl.model import State, Status
from jobctl.records import dataclass


class Kind(StrEnum):
    """What can be compared with what."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    INSTANT = "instant"
    """Microseconds since the epoch."""
    DATE = "date"
    """Days since the epoch."""
    ID = "id"
    """The id of a system job, as bytes."""
    ACTOR = "actor"
    """The number of an actor's row."""
    UUID = "uuid"
    """Its text, in small letters."""
    EXACT = "exact"
    """A text that is equal to itself alone, whatever its letters."""


COLUMNS: Final[Mapping[str, Kind]] = {
    "id": Kind.ID,
    "sequence": Kind.NUMBER,
    "name": Kind.TEXT,
    "job": Kind.TEXT,
    "job_id": Kind.NUMBER,
    "job_version_id": Kind.NUMBER,
    "platform": Kind.BOOLEAN,
    "token": Kind.EXACT,
    "operation_type": Kind.NUMBER,
    "message_name": Kind.TEXT,
    "state": Kind.NUMBER,
    "status": Kind.NUMBER,
    "reason": Kind.TEXT,
    "dependency_token": Kind.TEXT,
    "created_on": Kind.INSTANT,
    "modified_on": Kind.INSTANT,
    "started_on": Kind.INSTANT,
    "completed_on": Kind.INSTANT,
    "postpone_until": Kind.INSTANT,
    "execution_time_span": Kind.NUMBER,
    "retry_count": Kind.NUMBER,
    "error_code": Kind.NUMBER,
    "message": Kind.TEXT,
    "data": Kind.TEXT,
    "depth": Kind.NUMBER,
    "is_waiting_for_event": Kind.BOOLEAN,
    "created_by": Kind.ACTOR,
    "modified_by": Kind.ACTOR,
    "owner": Kind.ACTOR,
    "owning_user": Kind.ACTOR,
    "created_by_name": Kind.TEXT,
    "modified_by_name": Kind.TEXT,
    "owning_user_name": Kind.TEXT,
    "nothing": Kind.UUID,
    "primary_entity_type": Kind.TEXT,
    "regarding": Kind.TEXT,
    "regarding_id": Kind.UUID,
    "recurrence_pattern": Kind.TEXT,
    "recurrence_start_time": Kind.INSTANT,
    "utc_offset": Kind.NUMBER,
    "stage": Kind.TEXT,
    "progress": Kind.NUMBER,
}
"""What a condition may speak about."""

FUNCTIONS: Final[Mapping[str, tuple[Kind, Kind]]] = {
    "lower": (Kind.TEXT, Kind.TEXT),
    "upper": (Kind.TEXT, Kind.TEXT),
    "trim": (Kind.TEXT, Kind.TEXT),
    "length": (Kind.TEXT, Kind.NUMBER),
    **dict.fromkeys(("year", "month", "day", "hour", "minute", "second"), (Kind.INSTANT, Kind.NUMBER)),
    "date": (Kind.INSTANT, Kind.DATE),
}
"""What each takes, and what it gives."""

OPERATORS: Final = ("eq", "ne", "lt", "le", "gt", "ge", "contains", "startswith", "endswith", "like")


@dataclass(frozen=True, slots=True)
class Column:
    name: str

    @property
    def kind(self) -> Kind:
        return COLUMNS[self.name]


@dataclass(frozen=True, slots=True)
class Call:
    function: str
    operand: Operand

    @property
    def kind(self) -> Kind:
        return FUNCTIONS[self.function][1]


@dataclass(frozen=True, slots=True)
class Value:
    """Anything from outside; `kind` is None for null alone."""

    value: str | int | float | bytes | None
    kind: Kind | None


Operand = Column | Call | Value


@dataclass(frozen=True, slots=True)
class Compare:
    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class OneOf:
    operand: Operand
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part; without any, always."""

    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One part at least; without any, never."""

    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    part: Condition


Condition = Compare | OneOf | AllOf | AnyOf | Not
ALWAYS: Final = AllOf()
NEVER: Final = AnyOf()


def is_null(operand: Operand) -> Condition:
    return Compare("eq", operand, Value(None, None))


def number(value: int | float) -> Value:
    return Value(value, Kind.NUMBER)


class Compiler:
    """The text of conditions and the parameters they bind."""

    def __init__(self, database: Database) -> None:
        self._fragment = database.fragment
        self.parameters: dict[str, str | int | float | bytes | None] = {}

    def condition(self, condition: Condition) -> str:
        """Two-valued: what is compared with nothing is false, and its opposite true."""
        match condition:
            case AllOf(parts):
                return self._joined(" AND ", parts, "1")
            case AnyOf(parts):
                return self._joined(" OR ", parts, "0")
            case Not(part):
                return f"({self.condition(part)} IS NOT TRUE)"
            case OneOf(operand, values):
                return self._one_of(operand, values)
            case Compare(operator, left, right):
                return self._compare(operator, left, right)

    def operand(self, operand: Operand) -> str:
        match operand:
            case Column(name):
                return self._fragment(f"column.{name}")
            case Call(function, inner):
                return self._fragment(f"function.{function}", operand=self.operand(inner))
            case Value(value, _):
                return self._bind(value)

    def ordered(self, column: Column) -> str:
        """A column as it is ordered by: in the way it is compared."""
        text = self.operand(column)
        return self._fragment("text.alike", operand=text) if column.kind is Kind.TEXT else text

    def _joined(self, word: str, parts: Iterable[Condition], empty: str) -> str:
        texts = [self.condition(part) for part in parts]
        return f"({word.join(texts)})" if texts else empty

    def _compare(self, operator: str, left: Operand, right: Operand) -> str:
        if (operator, left) == ("eq", Column("id")) and isinstance(right, Value) and isinstance(right.value, bytes):
            of = {"number": self._bind(number_of(right.value)), "id": self._bind(right.value)}
            return self._fragment("operator.identified", **of)
        texts = {"left": self.operand(left), "right": self.operand(right)}
        if operator in ("eq", "ne", "lt", "le", "gt", "ge") and Kind.TEXT in (left.kind, right.kind):
            texts["left"] = self._fragment("text.alike", operand=texts["left"])
        return self._fragment(f"operator.{operator}", **texts)

    def _one_of(self, operand: Operand, values: tuple[Value, ...]) -> str:
        found = [value.value for value in values]
        if any(value is None or isinstance(value, bytes) for value in found):
            return self.condition(AnyOf(tuple(Compare("eq", operand, value) for value in values)))
        left = self.operand(operand)
        if operand.kind is Kind.TEXT:
            left = self._fragment("text.alike", operand=left)
        return self._fragment("operator.in", left=left, right=self._bind(json.dumps(found)))

    def _bind(self, value: str | int | float | bytes | None) -> str:
        name = f"value_{len(self.parameters)}"
        self.parameters[name] = value
        return f":{name}"


def states(condition: Condition) -> frozenset[State]:
    """The states in which it can hold; all where that cannot be told."""
    every = frozenset(State)
    match condition:
        case AllOf(parts):
            return every.intersection(*(states(part) for part in parts))
        case AnyOf(parts):
            return frozenset().union(*(states(part) for part in parts))
        case Not(Compare(operator, left, right)) if operator in ("eq", "ne"):
            return states(Compare("ne" if operator == "eq" else "eq", left, right))
        case OneOf(Column(name), values):
            return every.intersection(*[frozenset().union(*(_told(name, "eq", value.value) for value in values))])
        case Compare(operator, Column(name), Value(value, _)) | Compare(operator, Value(value, _), Column(name)):
            return _told(name, operator, value)
    return every


def _told(name: str, operator: str, value: object) -> frozenset[State]:
    if name == "state" and operator in ("eq", "ne"):
        return frozenset(state for state in State if (state == value) == (operator == "eq"))
    if name == "status" and operator == "eq":
        return frozenset(status.state for status in Status if status == value)
    if name == "completed_on" and operator != "ne" and value is not None:
        return frozenset({State.COMPLETED})
    if name == "completed_on" and value is None and operator in ("eq", "ne"):
        return frozenset({State.COMPLETED}) if operator == "ne" else frozenset(State) - {State.COMPLETED}
    return frozenset(State)


def is_keyed(condition: Condition) -> bool:
    """Whether it holds for a few that are found at once by number or id."""
    match condition:
        case AllOf(parts):
            return any(is_keyed(part) for part in parts)
        case AnyOf(parts):
            return all(is_keyed(part) for part in parts)
        case OneOf(Column("id" | "sequence"), _):
            return True
        case Compare("eq", Column("id" | "sequence"), Value()):
            return True
    return False
