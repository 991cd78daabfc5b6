"""System jobs asked for in a file: one JSON object a line, all checked before the first is submitted."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from datetime import tzinfo
from functools import partial
from typing import IO, TYPE_CHECKING, Any, Final

from jobctl.errors import BadInput, JobctlError, near_miss
from jobctl.jsontext import MAX_JSON_BYTES, json_of, parse
from jobctl.model import Wait
from jobctl.schedule.instants import parse_instant
from jobctl.schedule.zones import local_zone_name, zone
from jobctl.submitting import UNCONDITIONAL, Conditions, Request

if TYPE_CHECKING:
    from jobctl.commands.context import App

MEMBERS: Final = ("data", "at", "regarding", "key", "after", "on_event")
IN_MEMORY: Final = 64 * 1024 * 1024
"""Bytes of checked lines above which they wait in a temporary file."""
ROOM: Final = 200
"""Bytes that a line takes in memory beside its text."""
LONGEST: Final = 2 * MAX_JSON_BYTES


def requests(app: App, source: str) -> Iterator[Request]:
    """What the file (`-`: stdin) asks for. Raises BadInput naming the first line that cannot be right."""
    with tempfile.TemporaryFile(mode="w+", encoding="utf-8", newline="\n") as later:
        try:
            with sys.stdin.buffer if source == "-" else open(source, "rb") as file:
                checked = _check(app, file, later)
        except OSError as error:
            raise BadInput(f"cannot read {source}: {error.strerror}") from None
        yield from checked
        later.seek(0)
        for line in later:
            yield _request(*json.loads(line))


def _check(app: App, file: IO[bytes], later: IO[str]) -> list[Request]:
    """What the first lines ask for, up to IN_MEMORY; the others, checked, are written to `later`."""
    here, now = zone(local_zone_name()), app.clock.now()
    checked: list[Request] = []
    size, before = 0, b""
    for number, line in enumerate(iter(partial(file.readline, LONGEST), b""), 1):
        if line.isspace():
            continue
        if line != before:  # one like the line before asks for the same
            try:
                said = _said(line, now, here)
                request = _request(*said)
            except JobctlError as error:
                raise BadInput(f"line {number}: {error}; nothing was submitted") from None
            before = line
        size += len(line) + ROOM
        if size <= IN_MEMORY:
            checked.append(request)
        else:
            later.write(json.dumps(said) + "\n")
    return checked


def _said(line: bytes, now: int, here: tzinfo) -> tuple[Any, ...]:
    """What a line says, in the order of `_request`; its JSON and its instant are checked. Raises BadInput."""
    if len(line) == LONGEST and not line.endswith(b"\n"):
        raise BadInput("it is longer than 2 MiB")
    asked = _members(line)
    get = asked.get
    instant = None if get("at") is None else parse_instant(_text(asked, "at"), now, here)
    data = None if get("data") is None else json_of(asked["data"])
    return data, instant, get("regarding"), get("key"), get("after"), get("on_event")


def _members(line: bytes) -> dict[str, Any]:
    try:
        asked = parse(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise BadInput("it is not UTF-8") from None
    if not isinstance(asked, dict):
        raise BadInput('it is not a JSON object such as {"data": {"month": "2026-10"}}')
    for name in asked:
        if name not in MEMBERS:
            raise BadInput(f"unknown member {name!r}{near_miss(name, MEMBERS)}; known are {', '.join(MEMBERS)}")
    return asked


def _text(asked: dict[str, Any], name: str) -> str:
    if not isinstance(asked[name], str):
        raise BadInput(f"{name} is a text, not {type(asked[name]).__name__}")
    return str(asked[name])


def _request(data: str | None, at: int | None, regarding: Any, key: Any, after: Any, on_event: Any) -> Request:
    """Raises BadInput."""
    if key is None and after is None and on_event is None:
        return Request(data, at, regarding, UNCONDITIONAL)
    return Request(data, at, regarding, Conditions(_waits(after), on_event, key))


def _waits(after: Any) -> tuple[Wait, ...]:
    """Numbers, or texts such as "41:any"."""
    found: dict[int, Wait] = {}
    for one in after if isinstance(after, list) else [] if after is None else [after]:
        number, _, condition = (f"{one}:success" if type(one) is int else str(one)).partition(":")
        condition = condition or "success"
        if not (number.isascii() and number.isdecimal()) or condition not in ("success", "failure", "any"):
            raise BadInput(f'after takes numbers of system jobs, or texts such as "41:any", not {one!r}')
        found[int(number)] = Wait(int(number), condition)
    return tuple(found.values())
