"""What is asked for: the document of a job, and the page of a list. All of it raises BadInput in one sentence."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from jobctl.clock import MICROSECONDS, from_datetime
from jobctl.errors import BadInput, near_miss
from jobctl.model import CatchUp, Definition, JsonDict
from jobctl.schedule import azure
from jobctl.schedule.instants import parse_duration
from jobctl.scheduling import Planned, Policies

ENVELOPE: Final = ("id", "name", "type", "properties")
ELEMENTS: Final = ("startTime", "recurrence", "action", "state", "status")
READ_ONLY: Final = ("id", "name", "type", "status")
STATES: Final = ("Enabled", "Disabled", "Completed", "Faulted")
SETTABLE: Final = ("Enabled", "Disabled")
ACTION: Final = ("type", "job", "retryPolicy")
OWN_TYPE: Final = "jobctl"
RETRY: Final = ("retryType", "retryInterval", "retryCount")
MOST_RETRIES: Final = 20
SHORTEST_RETRY: Final = 15.0
LONGEST_RETRY: Final = 548 * 86_400.0
"""Seconds; 18 months, as the longest interval of days."""
FIXED_RETRIES: Final = (4, 30.0)
"""What `fixed` means where it says no more: number and seconds, by the later text of the original."""
MOST_ON_PAGE: Final = 100
MOST_SKIPPED: Final = 100_000
FILTER: Final = re.compile(r"\s*(\w+)\s+(\w+)\s+(?:'(\w*)'|(\w+))\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Retry:
    """A retry policy: how many, and seconds between them."""

    retries: int
    delay: float

    def fits(self, definition: Definition) -> bool:
        if self.retries != definition.retries:
            return False
        return not self.retries or (self.delay == definition.retry_delay and definition.retry_backoff == 1)


@dataclass(frozen=True, slots=True)
class Page:
    top: int
    skip: int
    only: str | None
    """The state or status that is asked for, in lower case."""


def properties(body: Any) -> JsonDict:
    """The elements of a job, alone or under `properties` as they are answered; what can only be read is left out."""
    elements = named(body, "the job", (*ENVELOPE, *ELEMENTS))
    if "properties" in elements:
        if beside := [name for name in elements if name in ELEMENTS]:
            raise BadInput(f"the element {beside[0]} stands beside properties; it belongs in there")
        elements = named(elements["properties"], "properties", ELEMENTS)
    return {name: value for name, value in elements.items() if name not in READ_ONLY}


def schedule_document(elements: JsonDict) -> JsonDict:
    """startTime and recurrence, as the command line's --recurrence takes them; null is as if left out."""
    return {name: elements[name] for name in ("startTime", "recurrence") if elements.get(name) is not None}


def planned(document: JsonDict) -> Planned:
    """The schedule that the document means, with the terms it states itself."""
    spec = azure.read(json.dumps(document))
    own = azure.own_terms(spec, None)
    start, end = (None if moment is None else from_datetime(moment) for moment in (own.start, own.end))
    policies = Policies() if own.catch_up is None else Policies(catch_up=CatchUp(own.catch_up))
    return Planned(spec, own.time_zone or "UTC", start, end, own.count, policies)


def state(elements: JsonDict) -> str | None:
    """The state to be set; None when nothing is said of it."""
    value = elements.get("state")
    if value is None:
        return None
    found = {word.lower(): word for word in STATES}.get(value.lower()) if isinstance(value, str) else None
    if found not in SETTABLE:
        final = f"; a job becomes {found} by itself" if found else ""
        raise BadInput(f"state cannot be {shown(value)}; it can be set to Enabled or Disabled{final}")
    return found


def action(elements: JsonDict, name: str) -> Retry | None:
    """The retry policy that the action asks for; None when it says nothing of it."""
    value = elements.get("action")
    right = f'"action": {{"type": "{OWN_TYPE}", "job": "{name}"}}'
    if value is None:
        raise BadInput(f"action is missing; it names the job that runs: {right}")
    if isinstance(value, dict) and "errorAction" in value:
        raise BadInput("action.errorAction is not offered; a job tells of its failures itself: jobctl edit --notify")
    kind = value.get("type") if isinstance(value, dict) else None
    if kind is not None and kind != OWN_TYPE:
        raise BadInput(f"action.type cannot be {shown(kind)}; only jobs that are defined can be run: {right}")
    found = named(value, "action", ACTION)
    if found.get("job") != name or kind is None:
        raise BadInput(f"the action has to name the job at this address: {right}")
    return None if found.get("retryPolicy") is None else retry(found["retryPolicy"])


def retry(value: Any) -> Retry:
    found = named(value, "action.retryPolicy", RETRY)
    kind = found.get("retryType")
    word = kind.lower() if isinstance(kind, str) else ""
    if word == "none":
        return Retry(0, 0.0)
    if word != "fixed":
        raise BadInput(f"action.retryPolicy.retryType cannot be {shown(kind)}; it is None or Fixed")
    retries, delay = found.get("retryCount", FIXED_RETRIES[0]), FIXED_RETRIES[1]
    if type(retries) is not int or not 0 <= retries <= MOST_RETRIES:
        raise BadInput(f"action.retryPolicy.retryCount cannot be {shown(retries)}; it is 0 to {MOST_RETRIES}")
    if "retryInterval" in found:
        delay = seconds(found["retryInterval"])
    return Retry(retries, delay)


def seconds(value: Any) -> float:
    right = "it is an ISO 8601 duration from PT15S to 18 months, as PT30S"
    try:
        length = parse_duration(value).total_seconds() if isinstance(value, str) and value[:1] == "P" else 0.0
    except BadInput:
        length = 0.0
    if not SHORTEST_RETRY <= length <= LONGEST_RETRY:
        raise BadInput(f"action.retryPolicy.retryInterval cannot be {shown(value)}; {right}")
    return round(length * MICROSECONDS) / MICROSECONDS


def page(parameters: dict[str, str], column: str, words: tuple[str, ...]) -> Page:
    """$top, $skip and $filter; `words` are what the filtered column can be."""
    top = whole(parameters, "$top", 1, MOST_ON_PAGE, MOST_ON_PAGE)
    skip = whole(parameters, "$skip", 0, MOST_SKIPPED, 0)
    if "$filter" not in parameters:
        return Page(top, skip, None)
    match = FILTER.fullmatch(parameters["$filter"])
    word = (match[3] or match[4] or "").lower() if match else ""
    if not match or match[1] != column or match[2] != "eq" or word not in {each.lower() for each in words}:
        choices = ", ".join(words)
        raise BadInput(f"$filter cannot be {shown(parameters['$filter'])}; it is {column} eq one of {choices}")
    return Page(top, skip, word)


def whole(parameters: dict[str, str], name: str, least: int, most: int, default: int) -> int:
    text = parameters.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and least <= int(text) <= most):
        raise BadInput(f"{name} cannot be {shown(text)}; it is a whole number from {least} to {most}")
    return int(text)


def named(value: Any, what: str, known: tuple[str, ...]) -> JsonDict:
    """An object with no other elements than those."""
    if not isinstance(value, dict):
        raise BadInput(f"{what} is to be a JSON object with {', '.join(known)}")
    for name in value:
        if name not in known:
            raise BadInput(f"{what} has no element {shown(name)}{near_miss(name[:40], known) or ''}")
    return value


def shown(value: Any) -> str:
    """A piece of what was asked, for a message."""
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "an array"
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
