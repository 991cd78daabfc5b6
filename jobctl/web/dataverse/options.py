"""The query options of a request: what is asked for, in which order, and how much of it at a time."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_plus

from jobctl.errors import BadInput
from jobctl.paging import Order, Position, Query
from jobctl.querying import Column
from jobctl.web.dataverse import filters
from jobctl.web.dataverse.attributes import (
    ATTRIBUTES,
    NAVIGATIONS,
    PATHS,
    REFERRED,
    attribute,
    shown,
    suggestion,
)

OPTIONS: Final = (
    "$select", "$filter", "$orderby", "$top", "$skip", "$count", "$expand", "$format", "$skiptoken", "fetchXml",
)  # fmt: skip
MOST_IN_PAGE: Final = 5000
"""Rows of a page, as Dataverse has it."""
MOST_SKIPPED: Final = 50_000
MOST_ORDERS: Final = 10
LONGEST_FILTER: Final = 32_768
LARGEST: Final = 2**31 - 1
"""Of the numbers of Dataverse: Edm.Int32."""
FORMATS: Final = re.compile(r"(?:application/)?json(?:\s*;.*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an answer shows of each system job."""

    attributes: tuple[str, ...]
    """Names of attributes, the key's among them if it was named."""
    expanded: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By reference: the properties of what it leads to."""
    everything: bool = False
    """Whether nothing was selected."""


@dataclass(frozen=True, slots=True)
class Paging:
    size: int
    left: int | None
    """How many may still come, where `$top` says so."""
    start: Position


def given(query: str, known: Iterable[str] = OPTIONS) -> dict[str, str]:
    """The options of a query string. Spaces and line ends around names and values mean nothing.

    Raises BadInput for an unknown one, one given twice, and what is not UTF-8.
    """
    found: dict[str, str] = {}
    for part in query.split("&"):
        if not part.strip():
            continue
        name, _, value = part.partition("=")
        name, value = _decoded(name).strip(), _decoded(value).strip()
        if not name and not value:
            continue
        if name not in known:
            refused = f"no query option {shown(name)} here{suggestion(name, known)}"
            raise BadInput(f"{refused}; there are: {', '.join(known)}" if known else refused)
        if name in found:
            raise BadInput(f"the query option {name} is given twice")
        found[name] = value
    return found


def _decoded(text: str) -> str:
    try:
        return unquote_plus(text, errors="strict")
    except UnicodeDecodeError:
        raise BadInput("the query is not UTF-8") from None


def check_format(text: str | None) -> None:
    """Raises BadInput for a `$format` other than JSON."""
    if text is not None and not FORMATS.fullmatch(text.strip()):
        raise BadInput(f"$format is json, not {shown(text)}")


# What is shown


def wanted(said: Mapping[str, str]) -> Wanted:
    """`$select` and `$expand`. Raises BadInput naming what there is not."""
    expanded = dict(_expanded(said["$expand"])) if said.get("$expand") else {}
    selected = said.get("$select", "*")
    if selected == "*":
        return Wanted(tuple(ATTRIBUTES), expanded, everything=True)
    return Wanted(tuple(dict.fromkeys(attribute(name).name for name in _names(selected, "$select"))), expanded)


def _names(text: str, option: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if "" in names:
        raise BadInput(f"{option} is a list of names with commas between them; one is missing")
    return names


def _expanded(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for part in _parts(text, ","):
        match = re.fullmatch(r"(\w+)\s*(?:\((.*)\))?", part.strip(), re.DOTALL | re.ASCII)
        if match is None:
            raise BadInput(f"$expand cannot be read at {shown(part.strip())}; write it as createdby($select=fullname)")
        name, inner = match[1], match[2]
        if name not in NAVIGATIONS:
            hint = suggestion(name, NAVIGATIONS)
            raise BadInput(f"{shown(name)} leads to no entity{hint}; $expand takes: {', '.join(NAVIGATIONS)}")
        entity = REFERRED[str(NAVIGATIONS[name].target)]
        yield name, _selected_of(entity.name, inner or "", tuple(entity.attributes))


def _selected_of(entity: str, text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    found = known
    for option in filter(str.strip, _parts(text, ";")):
        name, _, value = option.partition("=")
        if name.strip() != "$select":
            raise BadInput(f"within $expand there is $select alone, not {shown(name.strip())}")
        found = tuple(_names(value, "$select"))
        for one in found:
            if one not in known:
                raise BadInput(f"{entity} has no property {shown(one)}{suggestion(one, known)}")
    return found


def _parts(text: str, mark: str) -> list[str]:
    """Split at `mark`, but not within parentheses."""
    parts, depth, begin = [], 0, 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth < 0:
            break
        if character == mark and depth == 0:
            parts.append(text[begin:place])
            begin = place + 1
    if depth != 0:
        raise BadInput("the parentheses of $expand do not match")
    return [*parts, text[begin:]]


# Which, and in which order


def query(said: Mapping[str, str], now: int) -> Query:
    """`$filter` and `$orderby`. Raises BadInput."""
    text = said.get("$filter", "")
    if len(text) > LONGEST_FILTER:
        raise BadInput(f"$filter has {LONGEST_FILTER} characters at most")
    if "$filter" in said and not text:
        raise BadInput("$filter is empty; leave it out for all system jobs")
    condition = filters.parse(text, now) if text else Query().condition
    return Query(condition, tuple(_orders(said["$orderby"])) if said.get("$orderby") else ())


def _orders(text: str) -> Iterator[Order]:
    parts = _names(text, "$orderby")
    if len(parts) > MOST_ORDERS:
        raise BadInput(f"$orderby names {MOST_ORDERS} properties at most")
    for part in parts:
        name, *rest = part.split(None, 1)
        direction = "".join(rest)
        if direction not in ("", "asc", "desc"):
            raise BadInput(f"$orderby goes asc or desc, not {shown(direction)}")
        column = PATHS.get(name) or attribute(name).column
        if column is None:
            raise BadInput(f"{name} is composed when it is shown, and cannot be ordered by")
        yield Order(Column(column), direction == "desc")


# How much of it


def paging(said: Mapping[str, str], preferred: int | None) -> Paging:
    """`$top`, `$skip`, `$skiptoken` and the preferred size of a page. Raises BadInput."""
    size = MOST_IN_PAGE if preferred is None else min(preferred, MOST_IN_PAGE)
    if "$skiptoken" in said:
        return _continued(said["$skiptoken"], size)
    top = whole(said["$top"], "$top") if "$top" in said else None
    skip = whole(said["$skip"], "$skip") if "$skip" in said else 0
    if skip > MOST_SKIPPED:
        raise BadInput(f"$skip goes to {MOST_SKIPPED}; beyond, follow @odata.nextLink")
    return Paging(size, top, Position(skip=skip))


def whole(text: str, what: str) -> int:
    if not re.fullmatch("[0-9]{1,10}", text, re.ASCII) or int(text) > LARGEST:
        raise BadInput(f"{what} is a whole number from 0 to {LARGEST}, not {shown(text)}")
    return int(text)


def _continued(text: str, size: int) -> Paging:
    try:
        keys, skip, left = json.loads(base64.urlsafe_b64decode(text.encode("ascii") + b"=="))
        position = Position(tuple(_key_read(key) for key in keys) if keys is not None else None, int(skip))
        if not (0 <= position.skip <= MOST_SKIPPED and (left is None or type(left) is int and left >= 0)):
            raise ValueError
    except (ValueError, TypeError, KeyError, RecursionError):
        raise BadInput("the $skiptoken is none that an @odata.nextLink here gave") from None
    return Paging(size, left, position)


def skiptoken(position: Position, left: int | None) -> str:
    """Where the next page begins, as `$skiptoken` takes it."""
    keys = None if position.keys is None else [_key_written(key) for key in position.keys]
    text = json.dumps([keys, position.skip, left], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _key_written(key: object) -> object:
    return {"hex": key.hex()} if isinstance(key, bytes) else key


def _key_read(key: object) -> str | int | float | bytes | None:
    if isinstance(key, dict):
        return bytes.fromhex(key["hex"])
    if key is None:
        return None
    if isinstance(key, str):
        key.encode()  # raises ValueError for half of a pair of surrogates
        return key
    if isinstance(key, int | float) and abs(key) < 2**63:
        return key
    raise ValueError
