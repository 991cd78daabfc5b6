"""Order and pages of the Dataverse dialect: links lead through all of it, and no ordinary query reads history."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from jobctl import paging
from tests.web.dialect import GUID, Dialect, Entity, in_order


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize(
    "name", ["name", "completedon", "createdon", "sequence", "retrycount", "dependencytoken", "message"]
)
@pytest.mark.parametrize(
    "condition", ["", "statecode eq 3", "statecode ne 3", "completedon ne null", "statuscode eq 10"]
)
def test_pages_in_any_order_are_the_whole_in_that_order(
    dialect: Dialect, everything: list[Entity], name: str, direction: str, condition: str
) -> None:
    chosen = f"&$filter={quote(condition)}" if condition else ""
    numbers = set(dialect.chosen(condition)) if condition else {row["sequence"] for row in everything}
    expected = in_order([row for row in everything if row["sequence"] in numbers], name, direction == "desc")
    for size in (3, 7, 40):
        query = f"$select=sequence&$orderby={name} {direction}{chosen}"
        found = dialect.walked(query, prefer=f"odata.maxpagesize={size}")
        assert [row["sequence"] for row in found] == expected


def test_pages_by_two_orders(dialect: Dialect, everything: list[Entity]) -> None:
    found = dialect.walked("$select=name,retrycount&$orderby=name,retrycount desc", prefer="odata.maxpagesize=6")
    assert [(row["name"].lower(), -row["retrycount"]) for row in found] == sorted(
        (row["name"].lower(), -row["retrycount"]) for row in everything
    )


KEYS = st.lists(st.none() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats() | st.text(max_size=4), max_size=3)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.none() | KEYS, st.integers(-1, 60_000), st.none() | st.integers(-1, 5), st.sampled_from(["", "name"]))
def test_no_skiptoken_is_more_than_a_bad_one(
    dialect: Dialect, keys: list[object] | None, skip: int, left: int | None, order: str
) -> None:
    token = base64.urlsafe_b64encode(json.dumps([keys, skip, left]).encode()).decode().rstrip("=")
    ordered = f"&$orderby={order}" if order else ""
    assert dialect(f"$skiptoken={token}{ordered}").status in (200, 400)


def test_top_and_skip_hold_over_pages(dialect: Dialect, everything: list[Entity]) -> None:
    numbers = [row["sequence"] for row in everything]
    found = dialect.walked("$select=sequence&$top=11&$skip=5", prefer="odata.maxpagesize=4")
    assert [row["sequence"] for row in found] == numbers[5:16]
    assert dialect.rows("$top=0") == [] and dialect.rows("$skip=40") == []
    assert len(dialect.rows("$top=2147483647")) == 40  # what clients send who want all


def test_a_long_history_is_read_in_parts_that_end_in_time(
    dialect: Dialect, everything: list[Entity], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing leads to what is chosen, a page may be given before it is full, and the next goes on."""
    monkeypatch.setattr(paging, "SPAN", 7)
    monkeypatch.setattr(paging, "PATIENCE", -1.0)
    first = json.loads(dialect("$select=sequence&$filter=sequence le 3").body)
    assert first["value"] == [] and "@odata.nextLink" in first
    for direction in ("desc", "asc"):
        for chosen in ("sequence le 3 or sequence gt 38", "retrycount eq 4", "contains(name,'b')", "name eq 'none'"):
            query = f"$select=sequence&$orderby=sequence {direction}&$filter={quote(chosen)}"
            expected = sorted(dialect.chosen(f"({chosen}) and startedon eq startedon"), reverse=direction == "desc")
            monkeypatch.undo()
            expected = sorted(dialect.chosen(chosen), reverse=direction == "desc")
            monkeypatch.setattr(paging, "SPAN", 7)
            monkeypatch.setattr(paging, "PATIENCE", -1.0)
            assert [row["sequence"] for row in dialect.walked(query, prefer="odata.maxpagesize=2")] == expected
            skipped = dialect.walked(f"{query}&$skip=2&$top=3", prefer="odata.maxpagesize=2")
            assert [row["sequence"] for row in skipped] == expected[2:5]


def test_an_answer_without_a_link_is_whole_or_an_error(dialect: Dialect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "SPAN", 7)
    monkeypatch.setattr(paging, "PATIENCE", -1.0)
    xml = '<fetch top="2"><entity name="asyncoperation"><attribute name="sequence"/><filter>'
    xml += '<condition attribute="sequence" operator="le" value="3"/></filter></entity></fetch>'
    assert dialect.fetched(xml) == [3, 2]
    monkeypatch.setattr(paging, "LIMIT", -1.0)
    assert dialect(f"fetchXml={quote(xml)}").status == 503


def test_a_statement_that_takes_too_long_is_ended(dialect: Dialect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "LIMIT", -1.0)
    monkeypatch.setattr(dialect.past.store.database, "interrupt_when", eagerly(dialect))
    answer = dialect("$orderby=name")
    assert answer.status == 503 and "ask for fewer" in json.loads(answer.body)["error"]["message"]
    assert answer.headers["Retry-After"] == "1"
    monkeypatch.undo()
    assert len(dialect.rows("$orderby=name")) == 40


def eagerly(dialect: Dialect) -> Callable[[Callable[[], bool] | None], None]:
    """Asks after every step of the engine, as so short a history takes only a few."""
    return lambda over: dialect.past.connection.set_progress_handler(over, 1)


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("$filter=statecode eq 1", "system_jobs_live"),
        ("$filter=statuscode in (20,21,22)&$orderby=name", "system_jobs_live"),
        ("$filter=completedon eq null and contains(name,'x')", "system_jobs_live"),
        ("$orderby=completedon desc&$filter=statecode eq 3", "system_jobs_completed"),
        (f"$filter=asyncoperationid eq {GUID}", "own USING INTEGER PRIMARY KEY"),
        (f"$filter=asyncoperationid eq {GUID}", "given USING COVERING INDEX system_jobs_by_id"),
        ("$filter=sequence eq 3", "INTEGER PRIMARY KEY"),
        ("$orderby=createdon desc", "INTEGER PRIMARY KEY"),
        ("", "INTEGER PRIMARY KEY"),
    ],
)
def test_ordinary_queries_read_no_history(
    dialect: Dialect, monkeypatch: pytest.MonkeyPatch, query: str, index: str
) -> None:
    plans: list[str] = []
    database = dialect.past.store.database
    real = type(database).run_composed

    def run(self: Any, name: str, parts: Any, parameters: Any) -> Any:
        monkeypatch.setitem(self._named, "plan", "EXPLAIN QUERY PLAN " + self._named[name])
        plans.extend(str(row[3]) for row in real(self, "plan", parts, parameters))
        return real(self, name, parts, parameters)

    monkeypatch.setattr(type(database), "run_composed", run)
    dialect.rows(query)
    assert any(index in plan for plan in plans), plans
    assert "SCAN s" not in plans
