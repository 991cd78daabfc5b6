"""Pages of system jobs that a condition chooses, in any order, each with the place at which the next one begins."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from jobctl.errors import BadInput, TimedOut
from jobctl.model import State, SystemJob
from jobctl.querying import ALWAYS, AllOf, AnyOf, Column, Compare, Compiler, Condition, Value, is_keyed, is_null, states
from jobctl.rows import system_job_from
from jobctl.store import Store

Key = str | int | float | bytes | None
Keyed = tuple[int, tuple[Key, ...]]
"""The number of a system job, and the keys by which it is ordered."""
SPAN: Final = 100_000
"""System jobs that one statement looks through where no index tells which are chosen."""
PATIENCE: Final = 1.0
"""Seconds after which a page is given as it is, though not full; the next one goes on from there."""
LIMIT: Final = 5.0
"""Seconds that one statement may take."""
TOO_LONG: Final = "looking for them took longer than {:g} s; ask for fewer, as by statecode or completedon"
MOST_COUNTED: Final = 5000
"""As many as Dataverse counts."""


@dataclass(frozen=True, slots=True)
class Order:
    column: Column
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """Which system jobs, in which order. `created_on` orders them as their numbers do, which no clock confuses."""

    condition: Condition = ALWAYS
    order: tuple[Order, ...] = ()

    @property
    def full_order(self) -> tuple[Order, ...]:
        """Up to the number, by which no two are equal; the newest first where nothing else is asked."""
        found: list[Order] = []
        for order in self.order:
            if order.column.name in ("sequence", "created_on"):
                return (*found, replace(order, column=Column("sequence")))
            if order.column not in [known.column for known in found]:
                found.append(order)
        return (*found, Order(Column("sequence"), descending=True))


@dataclass(frozen=True, slots=True)
class Position:
    """Behind the row with these keys, and behind `skip` more."""

    keys: tuple[Key, ...] | None = None
    skip: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    rows: list[SystemJob]
    keys: list[tuple[Key, ...]]
    """Of each row."""
    next: Position | None
    """Where the next one begins; None after the last."""

    def first(self, number: int) -> Page:
        """Only so many of it; the next one begins behind them."""
        if number >= len(self.rows):
            return self
        return Page(self.rows[:number], self.keys[:number], Position(self.keys[number - 1]))


def page(store: Store, query: Query, size: int, start: Position = Position(), *, whole: bool = False) -> Page:
    """At most `size` system jobs from `start` on; with `whole`, fewer only if there are no more.

    Raises TimedOut when looking for them takes too long, BadInput for a start that is not of this order.
    """
    reading = Reading(store, query)
    if start.keys is not None and not (len(start.keys) == len(reading.order) and isinstance(start.keys[-1], int)):
        raise BadInput("where the page begins does not fit its order; follow the link as it was given")
    with store.snapshot():
        if len(query.full_order) == 1 and not reading.narrow:
            found, after = reading.by_spans(size, start, whole)
        else:
            found, after = reading.by_sources(size, start)
        numbers = [number for number, _ in found]
        return Page(_system_jobs(store, numbers), [keys for _, keys in found], after)


def count(store: Store, condition: Condition) -> int:
    """How many there are, though at most MOST_COUNTED + 1. Raises TimedOut."""
    reading = Reading(store, Query(condition))
    compiler = Compiler(store.database)
    parts = {"source": store.database.fragment(f"source.{reading.source}"), "condition": compiler.condition(condition)}
    parameters = {**compiler.parameters, "limit": MOST_COUNTED + 1}
    with limited(store):
        ((found,),) = store.database.run_composed("composed_count", parts, parameters)
    return int(found)


class Reading:
    """The statements of one query."""

    def __init__(self, store: Store, query: Query) -> None:
        self.store = store
        self.query = query
        self.order = query.full_order
        self.states = states(query.condition)
        self.keyed = is_keyed(query.condition)

    @property
    def narrow(self) -> bool:
        """Whether an index leads to those that may be chosen."""
        return self.keyed or State.COMPLETED not in self.states

    @property
    def source(self) -> str:
        return "live" if State.COMPLETED not in self.states and not self.keyed else "all"

    @property
    def sources(self) -> list[str]:
        """What to read one after the other; by the end, those that have none stand together."""
        if self.order[0].column.name != "completed_on" or self.keyed:
            return [self.source]
        both = ["completed", "live"] if self.order[0].descending else ["live", "completed"]
        without = {"live": self.states <= {State.COMPLETED}, "completed": State.COMPLETED not in self.states}
        return [source for source in both if not without[source]] or ["live"]

    def by_sources(self, size: int, start: Position) -> tuple[list[Keyed], Position | None]:
        found: list[Keyed] = []
        with limited(self.store):
            for source in self.sources:
                if (left := start.skip + size + 1 - len(found)) > 0:
                    found += self._rows(source, start.keys, left)
        return self._cut(found, size, start)

    def by_spans(self, size: int, start: Position, whole: bool) -> tuple[list[Keyed], Position | None]:
        """By number alone, part of history by part, until the page is full or patience is at its end."""
        clock, descending = self.store.clock, self.order[0].descending
        until = clock.monotonic() + (LIMIT if whole else PATIENCE)
        ((newest,),) = self.store.database.run("newest_sequence")
        found: list[Keyed] = []
        at = int(start.keys[0] or 0) if start.keys else (newest + 1 if descending else 0)
        at = max(0, min(at, newest + 1))
        while (left := start.skip + size + 1 - len(found)) > 0:
            low, high = (max(0, at - 1 - SPAN), at - 1) if descending else (at, min(newest, at + SPAN))
            found += self._rows("between", None, left, above=low, through=high)
            at = low + 1 if descending else high
            if low <= 0 if descending else high >= newest:
                break
            if clock.monotonic() > until and start.skip + size + 1 > len(found):
                if whole:
                    raise TimedOut(TOO_LONG.format(LIMIT))
                skipped = min(start.skip, len(found))
                return found[skipped:], Position((at,), start.skip - skipped)
        return self._cut(found, size, start)

    def _cut(self, found: list[Keyed], size: int, start: Position) -> tuple[list[Keyed], Position | None]:
        rows = found[start.skip : start.skip + size]
        more = len(found) > start.skip + size and rows
        return rows, Position(rows[-1][1]) if more else None

    def _rows(self, source: str, keys: tuple[Key, ...] | None, limit: int, **bounds: int) -> list[Keyed]:
        database = self.store.database
        compiler = Compiler(database)
        condition = self.query.condition if keys is None else AllOf((self.query.condition, behind(self.order, keys)))
        columns = [compiler.ordered(order.column) for order in self.order]
        pairs = zip(columns, self.order, strict=True)
        parts = {
            "source": database.fragment(f"source.{source}"),
            "condition": compiler.condition(condition),
            "keys": ", ".join(columns),
            "order": ", ".join(f"{column} DESC" if order.descending else column for column, order in pairs),
        }
        parameters = {**compiler.parameters, **bounds, "limit": limit}
        rows = database.run_composed("composed_page", parts, parameters)
        return [(int(row[0]), row[1:]) for row in rows]


def behind(order: tuple[Order, ...], keys: tuple[Key, ...]) -> Condition:
    """What stands behind a row with these keys: greater in one, and equal in all before it; nothing is the least."""
    alternatives: list[Condition] = []
    equal: list[Condition] = []
    for one, key in zip(order, keys, strict=True):
        value = Value(key, one.column.kind)
        if one.descending:
            later: Condition = (
                AnyOf() if key is None else AnyOf((Compare("lt", one.column, value), is_null(one.column)))
            )
        elif key is None:
            later = Compare("ne", one.column, Value(None, None))
        else:
            later = Compare("gt", one.column, value)
        alternatives.append(AllOf((*equal, later)))
        equal.append(Compare("eq", one.column, value))
    return AnyOf(tuple(alternatives))


def _system_jobs(store: Store, numbers: list[int]) -> list[SystemJob]:
    rows = store.database.run("system_jobs_numbered", {"sequences": json.dumps(numbers)})
    found = {row.sequence: row for row in map(system_job_from, rows)}
    return [found[sequence] for sequence in numbers]


@contextmanager
def limited(store: Store) -> Iterator[None]:
    """Ends a statement that takes longer than LIMIT, as TimedOut."""
    until = store.clock.monotonic() + LIMIT
    store.database.interrupt_when(lambda: store.clock.monotonic() > until)
    try:
        yield
    except TimedOut:
        raise TimedOut(TOO_LONG.format(LIMIT)) from None
    finally:
        store.database.interrupt_when(None)
