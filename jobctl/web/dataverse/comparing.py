"""What of an entity can be compared with what, for `$filter` and FetchXML alike."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from jobctl.clock import MICROSECONDS
from jobctl.errors import BadInput
from jobctl.querying import NEVER, AnyOf, Compare, Condition, Kind, Not, Operand, Value, is_null
from jobctl.web.dataverse.identifiers import actor

DAY: Final = 86_400 * MICROSECONDS
EQUAL_ONLY: Final = frozenset({Kind.ID, Kind.ACTOR, Kind.UUID, Kind.BOOLEAN})
WORDS: Final = {
    Kind.TEXT: "a text in single quotes",
    Kind.NUMBER: "a number",
    Kind.BOOLEAN: "true or false",
    Kind.INSTANT: "an instant such as 2026-03-01T02:00:00Z",
    Kind.DATE: "a date such as 2026-03-01",
    Kind.ID: "a GUID",
    Kind.ACTOR: "a GUID",
    Kind.UUID: "a GUID",
}
MIRRORED: Final = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}


def compared(operator: str, left: Operand, right: Operand) -> Condition:
    """Raises BadInput where the two cannot be compared so.

    As OData has it: null is equal to null alone, and neither less nor greater than anything.
    """
    if isinstance(left, Value) and not isinstance(right, Value):
        left, right, operator = right, left, MIRRORED.get(operator, operator)
    right = fitting(left, right)
    if Value(None, None) in (left, right) and operator not in ("eq", "ne"):
        return NEVER
    if left.kind in EQUAL_ONLY and operator not in ("eq", "ne"):
        raise BadInput(f"{WORDS[left.kind]} is equal or not: eq and ne, not {operator}" if left.kind else operator)
    return Compare(operator, left, right)


def fitting(left: Operand, right: Operand) -> Operand:
    """`right` as it is stored where `left` is. Raises BadInput for another kind."""
    wanted, found = left.kind, right.kind
    if wanted == found or found is None or wanted is None:
        return right
    if isinstance(right, Value):
        match wanted, found:
            case Kind.ID, Kind.UUID:
                return Value(UUID(str(right.value)).bytes, Kind.ID)
            case Kind.ACTOR, Kind.UUID:
                return Value(actor(UUID(str(right.value))), Kind.ACTOR)
            case Kind.INSTANT, Kind.DATE:
                return Value(int(right.value or 0) * DAY, Kind.INSTANT)
    expected = WORDS[wanted]
    raise BadInput(f"what is compared is {expected}, and cannot be compared with {WORDS[found]}")


def boolean(operand: Operand) -> Condition:
    """A condition of what is true or false by itself."""
    return Compare("eq", operand, Value(1, Kind.BOOLEAN))


def unless_null(operand: Operand, condition: Condition) -> Condition:
    """The condition, where there is something to compare."""
    return Not(AnyOf((is_null(operand), Not(condition))))
