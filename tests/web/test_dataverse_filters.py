"""`$filter` of the Dataverse dialect, beside a reading of the same in Python."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from jobctl.web.dataverse import service
from tests.web.dialect import GUID, TEXTS, Dialect, Entity

Predicate = Callable[[Entity], bool]
NUMBERS = ("statecode", "statuscode", "retrycount", "errorcode", "executiontimespan", "sequence", "depth")
INSTANTS = ("createdon", "modifiedon", "startedon", "completedon", "postponeuntil")
WORDS = ("nightly-import", "NIGHTLY", "backup", "a_b.c", "%", "_", "led", "Ended 1", "invoice", "it's", "", "postponed")
SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a is not None and b is not None and a < b,
    "le": lambda a, b: a is not None and b is not None and a <= b,
    "gt": lambda a, b: a is not None and b is not None and a > b,
    "ge": lambda a, b: a is not None and b is not None and a >= b,
}


def low(value: str | None) -> str | None:
    return None if value is None else value.lower()


def moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


@st.composite
def text_leaf(draw: st.DrawFn) -> tuple[str, Predicate]:
    name, word = draw(st.sampled_from(TEXTS)), draw(st.sampled_from(WORDS))
    literal = "'" + word.replace("'", "''") + "'"
    kind = draw(st.sampled_from((*SIGNS, "contains", "startswith", "endswith")))
    if kind in SIGNS:
        return f"{name} {kind} {literal}", lambda row: SIGNS[kind](low(row[name]), word.lower())
    tests: dict[str, Callable[[str], bool]] = {
        "contains": lambda value: word.lower() in value,
        "startswith": lambda value: value.startswith(word.lower()),
        "endswith": lambda value: value.endswith(word.lower()),
    }
    return f"{kind}({name},{literal})", lambda row: row[name] is not None and tests[kind](row[name].lower())


@st.composite
def number_leaf(draw: st.DrawFn) -> tuple[str, Predicate]:
    name, sign = draw(st.sampled_from(NUMBERS)), draw(st.sampled_from(tuple(SIGNS)))
    value = draw(st.sampled_from((0, 1, 2, 3, 10, 20, 30, 31, 32, 0.49, 4.94)))
    if draw(st.booleans()):
        return f"{name} {sign} {value}", lambda row: SIGNS[sign](row[name], value)
    mirrored = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le"}.get(sign, sign)
    return f"{value} {sign} {name}", lambda row: SIGNS[mirrored](row[name], value)


@st.composite
def instant_leaf(draw: st.DrawFn) -> tuple[str, Predicate]:
    name, sign, other = (
        draw(st.sampled_from(INSTANTS)),
        draw(st.sampled_from(tuple(SIGNS))),
        draw(st.sampled_from(INSTANTS)),
    )
    return f"{name} {sign} {other}", lambda row: SIGNS[sign](moment(row[name]), moment(row[other]))


@st.composite
def null_leaf(draw: st.DrawFn) -> tuple[str, Predicate]:
    name, sign = draw(st.sampled_from((*TEXTS, *NUMBERS, *INSTANTS))), draw(st.sampled_from(tuple(SIGNS)))
    return f"{name} {sign} null", lambda row: SIGNS[sign](row[name], None)


@st.composite
def list_leaf(draw: st.DrawFn) -> tuple[str, Predicate]:
    name, values = draw(st.sampled_from(NUMBERS[:4])), draw(st.lists(st.integers(0, 33), min_size=1, max_size=4))
    return f"{name} in ({','.join(map(str, values))})", lambda row: row[name] in values


def joined(parts: st.SearchStrategy[tuple[str, Predicate]]) -> st.SearchStrategy[tuple[str, Predicate]]:
    def pair(one: tuple[str, Predicate], word: str, two: tuple[str, Predicate]) -> tuple[str, Predicate]:
        both = {
            "and": lambda row: one[1](row) and two[1](row),
            "or": lambda row: one[1](row) or two[1](row),
        }[word]
        return f"({one[0]}) {word} ({two[0]})", both

    negated = parts.map(lambda part: (f"not ({part[0]})", lambda row: not part[1](row)))
    return st.builds(pair, parts, st.sampled_from(("and", "or")), parts) | negated


FILTERS = st.recursive(
    st.one_of(text_leaf(), number_leaf(), instant_leaf(), null_leaf(), list_leaf()), joined, max_leaves=8
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FILTERS)
def test_a_filter_chooses_what_it_says(
    dialect: Dialect, everything: list[Entity], chosen: tuple[str, Predicate]
) -> None:
    text, holds = chosen
    assert dialect.chosen(text) == [row["sequence"] for row in everything if holds(row)]
    counted = dialect.ask(service.count, f"$filter={quote(text)}")
    assert int(counted.body) == sum(map(holds, everything))


@pytest.mark.parametrize("negated", [False, True])
@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("name", ["statecode", "statuscode", "completedon"])
def test_what_leads_to_an_index_leads_to_all_of_it(
    dialect: Dialect, everything: list[Entity], name: str, sign: str, negated: bool
) -> None:
    values: list[Any] = [None, 0, 1, 3, 4, 10, 30, 31] if name != "completedon" else [None, everything[20]["createdon"]]
    for value in values:
        text = f"{name} {sign} {'null' if value is None else value}"
        chosen = dialect.chosen(f"not ({text})" if negated else text)
        assert chosen == [row["sequence"] for row in everything if SIGNS[sign](row[name], value) != negated], text


def test_dates_users_and_identifiers_are_searched_for(dialect: Dialect, everything: list[Entity]) -> None:
    row = everything[7]
    assert dialect.chosen(f"asyncoperationid eq {row['asyncoperationid']}") == [row["sequence"]]
    assert dialect.chosen(f"createdon eq {row['createdon']}") == [row["sequence"]]
    day = row["createdon"][:10]
    same_day = [one["sequence"] for one in everything if one["createdon"][:10] == day]
    assert dialect.chosen(f"date(createdon) eq {day}") == same_day
    assert dialect.chosen(f"year(createdon) eq {day[:4]} and month(createdon) eq {day[5:7].lstrip('0')} and"
                          f" day(createdon) eq {day[8:].lstrip('0')}") == same_day  # fmt: skip
    at = int(row["createdon"][11:13])
    assert dialect.chosen(f"hour(createdon) eq {at}") == [
        one["sequence"] for one in everything if int(one["createdon"][11:13]) == at
    ]
    assert dialect.chosen("createdon gt now()") == [] and len(dialect.chosen("createdon lt now()")) == 40
    bobs = [one["sequence"] for one in everything if one["sequence"] % 2 == 0]
    assert dialect.chosen("owninguser/fullname eq 'BOB'") == bobs
    bob = next(one["_ownerid_value"] for one in everything if one["sequence"] in bobs)
    assert dialect.chosen(f"_owninguser_value eq {bob}") == bobs
    assert dialect.chosen(f"_regardingobjectid_value eq {GUID.upper()}") == [
        one["sequence"] for one in everything if one["_regardingobjectid_value"] == GUID
    ]
    assert dialect.chosen("_owningteam_value eq null and _owningbusinessunit_value eq null") == dialect.chosen(
        "true eq true"
    )
    assert dialect.chosen("iswaitingforevent") == []


def test_texts_are_alike_whatever_the_case_of_their_letters(dialect: Dialect) -> None:
    assert dialect.chosen("dependencytoken eq 'ledger'") == dialect.chosen("dependencytoken in ('LEDGER')")
    assert dialect.chosen("tolower(name) eq 'backup' and length(name) eq 6") == dialect.chosen("name eq 'BACKUP'")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nam eq 'x'", "no property 'nam'; did you mean 'name'?"),
        ("StateCode eq 3", "did you mean 'statecode'?"),
        ("ownerid eq null", "did you mean '_ownerid_value'?"),
        ("name eq 5", "a text in single quotes, and cannot be compared with a number"),
        ("asyncoperationid gt 00000000-0000-0000-0000-000000000000", "eq and ne, not gt"),
        ("friendlymessage eq 'x'", "cannot be searched for"),
        ("owningteam/name eq 'x'", "through a reference: createdby/fullname"),
        ("statecode eq", "the filter ends where a property or a value was expected"),
        ("statecode eq 3 name eq 'x'", "'name' stands at character 16"),
        ("(statecode eq 3", "the filter ends where ')' was expected"),
        ("name eq 'open", "is no word of a filter"),
        ("name like 'x'", "'like' stands at character 6 where eq, ne"),
        ("substringof(name,'x')", "no function 'substringof'"),
        ("Microsoft.Dynamics.CRM.Today(PropertyName='createdon')", "no function"),
        ("createdon gt 2026-13-01T00:00:00Z", "is no instant"),
        ("createdon gt 2026-03-01T00:00:00 01:00", "in an address + is a space: write it as %2B"),
        ("retrycount gt 99999999999999999999", "too large a number"),
        ("contains(retrycount,'1')", "contains compares texts"),
        ("year(name) eq 2026", "year takes an instant"),
        ("(" * 70 + "true" + ")" * 70, "nested 64 deep at most"),
        (" or ".join(["statecode eq 3"] * 301), "at most 300 comparisons"),
        ("", "$filter is empty"),
    ],
)
def test_a_bad_filter_is_told_what_is_wrong_with_it(dialect: Dialect, text: str, words: str) -> None:
    assert words in dialect.complaint(f"$filter={quote(text)}")


PIECES = st.sampled_from(
    ["statecode", "name", "eq", "and", "or", "not", "(", ")", ",", "'x'", "3", "-1e309", "null", "in", "now()", "year(",
     "contains(", "2026-01-01", "2026-01-01T00:00:00Z", GUID, "createdby/fullname", "\x00", "%", "'", "9" * 30]
)  # fmt: skip


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60) | st.lists(PIECES, max_size=12).map(" ".join))
def test_no_filter_is_more_than_a_bad_one(dialect: Dialect, text: str) -> None:
    assert dialect(f"$filter={quote(text)}").status in (200, 400)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["$select", "$orderby", "$top", "$skip", "$count", "$expand", "$skiptoken", "$format", "fetchXml"]),
    st.text(max_size=40) | st.lists(PIECES, max_size=6).map(",".join),
)
def test_no_option_is_more_than_a_bad_one(dialect: Dialect, name: str, value: str) -> None:
    assert dialect(f"{name}={quote(value)}").status in (200, 400)
