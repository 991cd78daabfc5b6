"""The document of a job as clients send it: bare, as its texts print it, or within `properties`, as its API does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from jobctl.errors import BadInput
from jobctl.schedule import azure
from jobctl.web.azure import actions
from jobctl.web.azure.actions import Action, known_only, shown

ENABLED: Final = "Enabled"
DISABLED: Final = "Disabled"
SETTABLE: Final = {"enabled": ENABLED, "disabled": DISABLED}
FINAL: Final = ("Completed", "Faulted")
ENVELOPE: Final = ("id", "name", "type", "properties")
ELEMENTS: Final = ("startTime", "recurrence", "action", "state", "status")
WHEN: Final = ("startTime", "recurrence")


@dataclass(frozen=True, slots=True)
class Wanted:
    action: Action
    spec: dict[str, Any] | None
    """As schedules are stored; None: what there is stays."""
    state: str


def properties(body: object, name: str) -> dict[str, Any]:
    """What a body says of the job of that name, without what can only be read. Raises BadInput."""
    if not isinstance(body, dict):
        raise BadInput(f'the body is a job, {{"action": {actions.RIGHT}, "startTime": …, "recurrence": …}}')
    found: Any = body
    if "properties" in body:
        known_only(body, ENVELOPE, "the job")
        given = body.get("name")
        if given is not None and (not isinstance(given, str) or given.rpartition("/")[2] != name):
            raise BadInput(f"name cannot be {shown(given)}: the address names the job {name!r}")
        found = body["properties"]
        if not isinstance(found, dict):
            raise BadInput(f"properties cannot be {shown(found)}; it is an object with {', '.join(ELEMENTS[:-1])}")
    known_only(found, ELEMENTS, "the job")
    return {element: value for element, value in found.items() if element != "status"}


def merged(old: object, new: Mapping[str, Any]) -> dict[str, Any]:
    """`old` changed by `new` as a merge patch (RFC 7396): objects grow together, null takes away."""
    found = dict(old) if isinstance(old, dict) else {}
    for name, value in new.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = merged(found.get(name), value) if isinstance(value, dict) else value
    return found


def wanted(document: Mapping[str, Any], *, when: bool = True) -> Wanted:
    """What a whole document asks for; without `when` its schedule is left as it is. Raises BadInput."""
    if "action" not in document:
        raise BadInput(f"action is missing; it is {actions.RIGHT}")
    said = {name: document[name] for name in WHEN if name in document}
    return Wanted(
        actions.read(document["action"]),
        azure.read(json.dumps(said)) if when else None,
        state(document.get("state", ENABLED)),
    )


def state(value: object) -> str:
    word = value.lower() if isinstance(value, str) else ""
    if word in SETTABLE:
        return SETTABLE[word]
    final = word.capitalize() in FINAL
    right = "a job comes to it by itself; it can be set to" if final else "it is"
    raise BadInput(f"state cannot be {shown(value)}; {right} enabled or disabled")
