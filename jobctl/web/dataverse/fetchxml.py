"""FetchXML: attributes, conditions, order and pages of system jobs, as Dataverse's schema of it has them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from jobctl.errors import BadInput
from jobctl.paging import Order, Position, Query
from jobctl.querying import ALWAYS, AllOf, AnyOf, Column, Condition
from jobctl.web.dataverse.attributes import ATTRIBUTES, ENTITY, FETCHED, attribute, shown, suggestion
from jobctl.web.dataverse.conditions import Reader
from jobctl.web.dataverse.options import MOST_IN_PAGE, MOST_SKIPPED, Paging, Wanted, paging, skiptoken, whole

LONGEST: Final = 65_536
"""Characters of a query."""
DEEPEST: Final = 32
MOST_ELEMENTS: Final = 1000
FETCH: Final = frozenset(
    {"version", "output-format", "mapping", "distinct", "no-lock", "top", "count", "page", "paging-cookie",
     "returntotalrecordcount", "aggregate", "latematerialize", "options"}
)  # fmt: skip
CHILDREN: Final = {
    "fetch": frozenset({"entity"}),
    "entity": frozenset({"attribute", "all-attributes", "no-attrs", "order", "filter"}),
    "filter": frozenset({"condition", "filter"}),
    "condition": frozenset({"value"}),
}
KNOWN: Final = {
    "fetch": FETCH,
    "entity": frozenset({"name"}),
    "attribute": frozenset({"name"}),
    "order": frozenset({"attribute", "descending"}),
    "filter": frozenset({"type", "hint"}),
    "condition": frozenset({"attribute", "operator", "value", "valueof"}),
}
TRUE: Final = ("true", "1")


@dataclass(frozen=True, slots=True)
class Fetch:
    wanted: Wanted
    query: Query
    paging: Paging
    page: int
    counted: bool
    """Whether the total is wanted."""


def parse(text: str, now: int, actor: int) -> Fetch:
    """What a FetchXML query asks for; `actor` is the number of who asks. Raises BadInput naming what is wrong."""
    root = tree(text)
    if root.tag != "fetch":
        raise BadInput(f"FetchXML begins with <fetch>, not <{root.tag[:60]}>")
    for element in root.iter():
        _check(element)
    entities = root.findall("entity")
    if len(entities) != 1 or entities[0].get("name") != ENTITY:
        raise BadInput(f'a fetch has one entity: <entity name="{ENTITY}">')
    if root.get("aggregate") in TRUE:
        raise BadInput("aggregate is not offered here; $count=true and returntotalrecordcount count")
    (entity,) = entities
    condition = _all([_filter(one, Reader(now, actor)) for one in entity.findall("filter")])
    query = Query(condition, tuple(map(_order, entity.findall("order"))))
    pages, number = _paging(root)
    return Fetch(_wanted(entity), query, pages, number, root.get("returntotalrecordcount") in TRUE)


def tree(text: str) -> Element:
    """The elements of an XML text. Raises BadInput for one that is not well-formed, too large, or declares a type."""
    if len(text) > LONGEST:
        raise BadInput(f"FetchXML has {LONGEST} characters at most")
    builder, parser = TreeBuilder(), expat.ParserCreate()
    depth = elements = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, elements
        depth, elements = depth + 1, elements + 1
        if depth > DEEPEST or elements > MOST_ELEMENTS:
            raise BadInput(f"FetchXML has {MOST_ELEMENTS} elements at most, {DEEPEST} deep")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    # Without a document type there are no entities, neither outside ones nor any that grow.
    def declared(*_: object) -> None:
        raise BadInput("FetchXML has no document type declaration")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = builder.data, declared
    try:
        parser.Parse(text.strip().encode(), True)
    except (expat.ExpatError, UnicodeEncodeError, LookupError) as error:
        raise BadInput(f"the FetchXML is not well-formed: {error}") from None
    return builder.close()


def _check(element: Element) -> None:
    """Raises BadInput for what is not offered, by name: left out silently, it would change the meaning."""
    known = KNOWN.get(element.tag, frozenset())
    for name in element.attrib:
        if name not in known:
            raise BadInput(f"<{element.tag}> takes no {shown(name)}{suggestion(name, known)}")
    for child in element:
        allowed = CHILDREN.get(element.tag, frozenset())
        if child.tag not in allowed:
            raise BadInput(f"<{element.tag}> has no <{child.tag[:60]}> here{suggestion(child.tag, allowed)}")


def _needed(element: Element, name: str) -> str:
    found = element.get(name)
    if found is None:
        raise BadInput(f"<{element.tag}> needs {name}=")
    return found


def _wanted(entity: Element) -> Wanted:
    names = [attribute(_needed(one, "name"), FETCHED).name for one in entity.findall("attribute")]
    if not names or entity.find("all-attributes") is not None:
        return Wanted(tuple(ATTRIBUTES), everything=True)
    return Wanted(tuple(dict.fromkeys(names)))


def _order(element: Element) -> Order:
    found = attribute(_needed(element, "attribute"), FETCHED)
    if found.column is None:
        raise BadInput(f"{found.name} is composed when it is shown, and cannot be ordered by")
    return Order(Column(found.column), element.get("descending") in TRUE)


def _filter(element: Element, reader: Reader) -> Condition:
    kind = element.get("type", "and")
    if kind not in ("and", "or"):
        raise BadInput(f"a filter's type is and or or, not {shown(kind)}")
    parts = [_condition(one, reader) if one.tag == "condition" else _filter(one, reader) for one in element]
    if not parts:
        return ALWAYS
    return _all(parts) if kind == "and" else AnyOf(tuple(parts))


def _all(parts: list[Condition]) -> Condition:
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))


def _condition(element: Element, reader: Reader) -> Condition:
    name, operator = _needed(element, "attribute"), _needed(element, "operator")
    if (other := element.get("valueof")) is not None:
        return reader.compare_columns(name, operator, other)
    return reader.condition(name, operator, list(_values(element)))


def _values(element: Element) -> Iterator[str]:
    if (one := element.get("value")) is not None:
        yield one
    yield from (child.text or "" for child in element)


# Pages


def _paging(root: Element) -> tuple[Paging, int]:
    top, size, number = (_number(root, name) for name in ("top", "count", "page"))
    if top is not None and (size is not None or number is not None):
        raise BadInput("top is the whole answer; with page and count, leave it out")
    size = min(MOST_IN_PAGE, size or MOST_IN_PAGE)
    number = number or 1
    if (cookie := root.get("paging-cookie")) and number > 1:
        continued = paging({"$skiptoken": _position(cookie)}, size)
        return Paging(size, None, continued.start), number
    skip = (number - 1) * size
    if skip > MOST_SKIPPED:
        raise BadInput(f"a page beyond the first {MOST_SKIPPED} rows needs the paging-cookie of the one before")
    return Paging(size, top, Position(skip=skip)), number


def _number(root: Element, name: str) -> int | None:
    text = root.get(name)
    if text is None:
        return None
    found = whole(text.strip(), name)
    if found == 0 or (name != "page" and found > MOST_IN_PAGE):
        raise BadInput(f"{name} is from 1 to {MOST_IN_PAGE}" if name != "page" else "page counts from 1")
    return found


def _position(cookie: str) -> str:
    """The skip token in a paging cookie: as it was given, or already decoded once or twice."""
    for _ in range(3):
        if match := re.search(r'position="([A-Za-z0-9_-]{1,20000})"', cookie):
            return match[1]
        cookie = unquote(cookie)
    raise BadInput("the paging-cookie is none that an answer here gave")


def paging_cookie(fetch: Fetch, following: Position) -> str:
    """Encoded twice, as Dataverse gives it; the client decodes it and puts it into the next fetch."""
    inner = f'<cookie page="{fetch.page}"><sequence position="{skiptoken(following, None)}" /></cookie>'
    encoded = quote(quote(inner, safe=""), safe="")
    return f'<cookie pagenumber="{fetch.page + 1}" pagingcookie="{encoded}" istracking="False" />'
