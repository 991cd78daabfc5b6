"""Which system jobs the table shows: the monitor's filters and a search, page by page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final
from urllib.parse import urlencode

from jobctl import paging
from jobctl.errors import BadInput, TimedOut
from jobctl.filtering import NAMES, filter_from
from jobctl.model import SystemJob
from jobctl.querying import AllOf, AnyOf, Column, Compare, Condition, Kind, OneOf, Value, number
from jobctl.store import Filter, Store
from jobctl.web.payloads import whole

LIMIT: Final = 50
MOST: Final = 500
"""Rows of a page."""
PARAMETERS: Final = (*NAMES, "text", "limit", "after")
SEARCHED: Final = ("name", "message", "regarding")
LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for."""

    given: Mapping[str, str]
    chosen: Filter
    text: str
    limit: int
    after: int | None

    def address(self, **changes: str) -> str:
        """The query of another page of the same filters, with what is changed; "" takes a parameter away."""
        values = {name: self.given[name] for name in PARAMETERS if name in self.given} | changes
        found = urlencode([(name, value) for name, value in values.items() if value.strip()])
        return f"?{found}" if found else "?"


@dataclass(frozen=True, slots=True)
class Listed:
    rows: list[SystemJob]
    next: int | None
    """The number behind which the next page begins."""
    full: bool
    """Whether it was searched until the page was full, or there was no more."""


def asked_for(given: Mapping[str, str], now: int, zone: tzinfo) -> Asked:
    """Raises BadInput."""
    text = given.get("text", "").strip()
    if len(text) > LONGEST:
        raise BadInput(f"text: a search has at most {LONGEST} characters")
    filled = {name: value.strip() for name, value in given.items() if value.strip()}  # forms send all their fields
    limit, after = whole(filled, "limit", 1, MOST), whole(filled, "after", 1, 2**63 - 1)
    return Asked(given, filter_from(given, now, zone), text, limit or LIMIT, after)


def listed(store: Store, asked: Asked) -> Listed:
    """Newest first. Raises TimedOut when looking for them takes too long."""
    condition = condition_of(store, asked)
    start = paging.Position() if asked.after is None else paging.Position((asked.after,))
    try:
        page = paging.page(store, paging.Query(condition), asked.limit, start)
    except TimedOut:
        raise TimedOut(f"looking takes longer than {paging.LIMIT:g} s; choose by state, job or time as well") from None
    keys = page.next.keys if page.next is not None else None
    behind = None if not keys or not isinstance(keys[-1], int) else keys[-1]
    return Listed(page.rows, behind, behind is None or len(page.rows) == asked.limit)


def condition_of(store: Store, asked: Asked) -> Condition:
    chosen, run = asked.chosen, store.database.run
    parts: list[Condition] = []

    def among(column: str, values: list[int]) -> None:
        parts.append(OneOf(Column(column), tuple(map(number, values))))

    if chosen.states:
        among("state", [int(state) for state in chosen.states])
    if chosen.statuses:
        among("status", [int(status) for status in chosen.statuses])
    if chosen.reasons:
        parts.append(OneOf(Column("reason"), tuple(Value(reason.value, Kind.TEXT) for reason in chosen.reasons)))
    if chosen.job is not None:
        among("job_id", [row[0] for row in run("jobs_named", {"name": chosen.job})])
    if chosen.tag is not None:
        among("job_version_id", [row[0] for row in run("versions_tagged", {"tag": chosen.tag})])
    if chosen.owner is not None:
        named = run("actors_named", {"names": json.dumps([chosen.owner])})
        parts.append(OneOf(Column("owner"), tuple(Value(row[1], Kind.ACTOR) for row in named)))
    if not (chosen.include_platform or chosen.operation_type is not None):
        parts.append(Compare("eq", Column("platform"), Value(0, Kind.BOOLEAN)))
    return AllOf((*parts, *_compared(asked)))


def _compared(asked: Asked) -> list[Condition]:
    chosen = asked.chosen
    wanted = [
        ("ge", "created_on", chosen.since, Kind.INSTANT),
        ("le", "created_on", chosen.until, Kind.INSTANT),
        ("eq", "token", chosen.token, Kind.EXACT),
        ("eq", "operation_type", chosen.operation_type, Kind.NUMBER),
        ("eq", "message_name", chosen.message_name, Kind.TEXT),
    ]
    found: list[Condition] = [
        Compare(operator, Column(column), Value(value, kind))
        for operator, column, value, kind in wanted
        if value is not None
    ]
    if asked.text:
        text = Value(asked.text, Kind.TEXT)
        found.append(AnyOf(tuple(Compare("contains", Column(column), text) for column in SEARCHED)))
    return found
