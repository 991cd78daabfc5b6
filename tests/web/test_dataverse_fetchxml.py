"""FetchXML of the Dataverse dialect, beside filters that say the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from tests.web.dialect import GUID, Dialect, Entity, in_order


def one(attribute: str, operator: str, *values: str) -> str:
    """A condition: with one value as an attribute of it, with more as elements."""
    said = f"attribute='{attribute}' operator='{operator}'"
    if len(values) < 2:
        return f"<condition {said}{''.join(f' value={quoteattr(value)}' for value in values)}/>"
    return f"<condition {said}>{''.join(f'<value>{value}</value>' for value in values)}</condition>"


def condition(text: str) -> str:
    return f'<fetch><entity name="asyncoperation"><attribute name="sequence"/><filter>{text}</filter></entity></fetch>'


@pytest.mark.parametrize(
    ("xml", "text"),
    [
        (one("statecode", "eq", "3"), "statecode eq 3"),
        (one("statuscode", "in", "31", "32"), "statuscode in (31,32)"),
        (one("statuscode", "not-in", "31", "30"), "not (statuscode in (30,31))"),
        (one("completedon", "null"), "completedon eq null"),
        (one("completedon", "not-null"), "completedon ne null"),
        (one("name", "like", "%IMPORT"), "endswith(name,'import')"),
        (one("name", "like", "a[_]b[.]_"), "name eq 'a_b.c'"),
        (one("name", "not-like", "%up%"), "not contains(name,'up')"),
        (one("name", "begins-with", "night"), "startswith(name,'night')"),
        (one("name", "not-end-with", "t"), "not endswith(name,'t')"),
        (one("sequence", "between", "5", "9"), "sequence ge 5 and sequence le 9"),
        (one("sequence", "not-between", "5", "39"), "sequence lt 5 or sequence gt 39"),
        (one("createdon", "valueof", "1"), None),
        ('<condition attribute="createdon" operator="eq" valueof="modifiedon"/>', "createdon eq modifiedon"),
        (one("createdon", "older-than-x-hours", "30"), "sequence le 31"),
        (one("createdon", "last-x-hours", "30"), "sequence gt 31"),
        (one("postponeuntil", "next-x-years", "1"), "postponeuntil ne null"),
        (one("postponeuntil", "last-month"), "false eq true"),
        (one("createdby", "eq-userid"), "createdby/fullname eq 'alice'"),
        (one("createdby", "ne-userid"), "createdby/fullname ne 'alice'"),
        (one("iswaitingforevent", "eq", "0"), "iswaitingforevent eq false"),
        (one("regardingobjectid", "eq", f"{{{GUID.upper()}}}"), f"_regardingobjectid_value eq {GUID}"),
        (
            f"<filter type='or'>{one('statecode', 'eq', '0')}"
            f"<filter>{one('statecode', 'eq', '3')}{one('retrycount', 'gt', '2')}</filter></filter>",
            "statecode eq 0 or (statecode eq 3 and retrycount gt 2)",
        ),
    ],
)  # fmt: skip
def test_a_condition_of_fetchxml_chooses_as_the_same_filter_does(dialect: Dialect, xml: str, text: str | None) -> None:
    if text is None:
        assert "no operator" in dialect.complaint(f"fetchXml={quote(condition(xml))}")
        return
    found = dialect.fetched(condition(xml))
    assert found == dialect.chosen(text)


@pytest.mark.parametrize("operator", ["on", "not-on", "on-or-before", "on-or-after"])
def test_days_of_fetchxml(dialect: Dialect, everything: list[Entity], operator: str) -> None:
    day = everything[20]["createdon"][:10]
    holds: dict[str, Callable[[str], bool]] = {
        "on": lambda one: one == day,
        "not-on": lambda one: one != day,
        "on-or-before": lambda one: one <= day,
        "on-or-after": lambda one: one >= day,
    }
    found = dialect.fetched(condition(f'<condition attribute="createdon" operator="{operator}" value="{day}"/>'))
    assert found == [row["sequence"] for row in everything if holds[operator](row["createdon"][:10])]


def test_pages_of_fetchxml_with_and_without_their_cookie(dialect: Dialect, everything: list[Entity]) -> None:
    xml = '<fetch count="6" page="{}"{} returntotalrecordcount="true">'
    xml += '<entity name="asyncoperation"><attribute name="sequence"/>'
    xml += '<order attribute="name" descending="true"/></entity></fetch>'
    expected = in_order(everything, "name", True)
    for with_cookie in (True, False):
        found: list[int] = []
        cookie = ""
        for number in range(1, 8):
            document = json.loads(dialect(f"fetchXml={quote(xml.format(number, cookie))}").body)
            assert document["@Microsoft.Dynamics.CRM.totalrecordcount"] == 40
            found += [row["sequence"] for row in document["value"]]
            assert document["@Microsoft.Dynamics.CRM.morerecords"] == (number < 7)
            if number < 7 and with_cookie:
                cookie = f' paging-cookie="{taken_from(document["@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"])}"'
        assert found == expected


def taken_from(annotation: str) -> str:
    """As Dataverse's documents tell a client to take the cookie out of the annotation."""
    from urllib.parse import unquote
    from xml.etree import ElementTree
    from xml.sax.saxutils import escape

    attributes = ElementTree.fromstring(annotation).attrib
    assert int(attributes["pagenumber"]) > 1
    return escape(unquote(unquote(attributes["pagingcookie"])), {'"': "&quot;"})


@pytest.mark.parametrize(
    ("xml", "words"),
    [
        ("<fetch>", "not well-formed"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><fetch/>', "no document type declaration"),
        ('<!DOCTYPE x SYSTEM "file:///etc/passwd"><fetch/>', "no document type declaration"),
        ("<fetch>&a;</fetch>", "not well-formed"),
        ("<query/>", "begins with <fetch>"),
        ('<fetch><entity name="account"/></fetch>', 'one entity: <entity name="asyncoperation">'),
        ('<fetch aggregate="true"><entity name="asyncoperation"/></fetch>', "aggregate is not offered"),
        ('<fetch><entity name="asyncoperation"><link-entity name="systemuser"/></entity></fetch>', "no <link-entity>"),
        (
            '<fetch><entity name="asyncoperation"><attribute name="statcode"/></entity></fetch>',
            "did you mean 'statecode'?",
        ),
        (
            '<fetch><entity name="asyncoperation"><attribute name="name" alias="n"/></entity></fetch>',
            "takes no 'alias'",
        ),
        ('<fetch count="0"><entity name="asyncoperation"/></fetch>', "count is from 1 to 5000"),
        ('<fetch page="99999"><entity name="asyncoperation"/></fetch>', "needs the paging-cookie"),
        ('<fetch page="2" paging-cookie="x"><entity name="asyncoperation"/></fetch>', "paging-cookie is none"),
        (condition('<condition attribute="name" operator="equals" value="x"/>'), "no operator 'equals'"),
        (condition('<condition attribute="statecode" operator="eq" value="three"/>'), "is no number"),
        (condition('<condition attribute="statecode" operator="eq"/>'), "eq takes 1 value, not 0"),
        (condition('<condition attribute="name" operator="today"/>'), "today is for dates"),
        (condition('<condition attribute="createdon" operator="last-x-days" value="0"/>'), "a number from 1"),
        (condition('<condition attribute="name" operator="like" value="[a-z]%"/>'), "brackets hold one character"),
        (condition(one("name", "like", "%" * 2001)), "2000 characters at most"),
        (condition(one("name", "eq", "x" * 66_000)), "FetchXML has 65536 characters at most"),
        (condition("<filter>" * 40 + "</filter>" * 40), "32 deep"),
    ],
)
def test_bad_fetchxml_is_told_what_is_wrong_with_it(dialect: Dialect, xml: str, words: str) -> None:
    assert words in dialect.complaint(f"fetchXml={quote(xml)}")


NAMES = st.sampled_from(["fetch", "entity", "filter", "condition", "value", "attribute", "order", "asyncoperation"])
MARKUP = st.dictionaries(
    st.sampled_from(
        ["name", "attribute", "operator", "value", "valueof", "type", "count", "page", "top", "paging-cookie"]
    ),
    st.sampled_from(
        ["asyncoperation", "statecode", "createdon", "eq", "in", "last-x-days", "like", "or", "5", "[", "x"]
    ),
    max_size=4,
)


@st.composite
def elements(draw: st.DrawFn, depth: int = 0) -> str:
    name = draw(NAMES) if depth > 1 else ["fetch", "entity"][depth]
    said = {"name": "asyncoperation"} if depth == 1 else draw(MARKUP)
    inner = "".join(draw(elements(depth + 1)) for _ in range(draw(st.integers(0, 2)) if depth < 4 else 0))
    attributes = " ".join(f'{key}="{value}"' for key, value in said.items())
    return f"<{name} {attributes}>{inner}</{name}>"


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(elements())
def test_no_fetchxml_is_more_than_a_bad_one(dialect: Dialect, xml: str) -> None:
    assert dialect(f"fetchXml={quote(xml)}").status in (200, 400)
