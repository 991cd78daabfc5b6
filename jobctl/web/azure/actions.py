"""The action of a job: the jobctl job it starts. How that is tried again, and who is told of failures, is its own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from jobctl.errors import BadInput, Refused, near_miss
from jobctl.model import Definition

KIND: Final = "jobctl"
ELSEWHERE: Final = ("http", "https", "storagequeue", "servicebusqueue", "servicebustopic")
ELEMENTS: Final = ("type", "job", "retryPolicy", "errorAction")
POLICY: Final = ("retryType", "retryInterval", "retryCount")
RIGHT: Final = '{"type": "jobctl", "job": "NAME"}'
DURATION: Final = re.compile(
    r"P(?!$)(?:(\d{1,4})Y)?(?:(\d{1,5})M)?(?:(\d{1,5})W)?(?:(\d{1,6})D)?"
    r"(?:T(?!$)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d{1,6})?)S)?)?",
    re.ASCII,
)
UNITS: Final = (365 * 86400, 30 * 86400, 7 * 86400, 86400, 3600, 60, 1)
"""Seconds of a year, a month, a week, a day, an hour, a minute, a second."""
SHORTEST: Final = 15.0
LONGEST: Final = 548 * 86400.0
"""18 months, as long as the longest interval of days."""
MOST_RETRIES: Final = 20
INTERVAL: Final = 30.0
COUNT: Final = 4


@dataclass(frozen=True, slots=True)
class Retries:
    count: int
    interval: float
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Action:
    job: str
    policy: Mapping[str, Any] | None
    """As it was given; None: whatever the job's own is."""


def read(value: object) -> Action:
    """Raises BadInput: what it names is not to be had here, or cannot be understood."""
    if not isinstance(value, dict):
        raise BadInput(f"action cannot be {shown(value)}; it is {RIGHT}")
    kind = value.get("type")
    if not isinstance(kind, str) or kind.lower() != KIND:
        if isinstance(kind, str) and kind.lower() in ELSEWHERE:
            raise BadInput(f"action.type {shown(kind)} is not run here: only jobs that are defined are, as {RIGHT}")
        raise BadInput(f"action.type cannot be {shown(kind)}; action is {RIGHT}")
    if value.get("errorAction") is not None:
        raise BadInput(
            "action.errorAction is not run here: who is told of failures is the job's own, "
            "set with: jobctl edit NAME --notify"
        )
    known_only(value, ELEMENTS, "action", "a job takes no data or request from its schedule")
    job = value.get("job")
    if not isinstance(job, str) or not job:
        wrong = f"cannot be {shown(job)}" if "job" in value else "is missing"
        raise BadInput(f"action.job {wrong}; it is the name of a job")
    policy = value.get("retryPolicy")
    if policy is not None and not isinstance(policy, dict):
        raise BadInput(f"action.retryPolicy cannot be {shown(policy)}; it is an object with {', '.join(POLICY)}")
    return Action(job, policy)


def document(job: str, definition: Definition) -> dict[str, Any]:
    """The action of a job with that name, with the retry policy that is its own."""
    return {"type": KIND, "job": job, "retryPolicy": policy_document(definition)}


def policy_document(definition: Definition) -> dict[str, Any]:
    """A delay that grows is told by its first."""
    if not definition.retries:
        return {"retryType": "None"}
    interval = duration_text(definition.retry_delay)
    return {"retryType": "Fixed", "retryInterval": interval, "retryCount": definition.retries}


def check_policy(action: Action, definition: Definition) -> None:
    """Raises BadInput, and Refused for a policy that is not the job's own."""
    own = policy_document(definition)
    if action.policy is None or in_our_case(action.policy) == own:
        return
    wanted = retries(action.policy)
    if wanted.count == definition.retries and (
        not wanted.count or (wanted.interval == definition.retry_delay and definition.retry_backoff == 1)
    ):
        return
    change = f"jobctl edit {action.job} --retries {wanted.count}"
    change += f" --retry-delay {wanted.interval:g}s --retry-backoff 1" if wanted.count else ""
    raise Refused(
        f"action.retryPolicy is not that of job {action.job!r}, which is {json.dumps(own)}: "
        f"leave it out, or change the job with: {change}"
    )


def in_our_case(policy: Mapping[str, Any]) -> Mapping[str, Any]:
    """With the letters of its type as they are given back: `Fixed`."""
    kind = policy.get("retryType")
    return {**policy, "retryType": kind.capitalize()} if isinstance(kind, str) else policy


def retries(policy: Mapping[str, Any]) -> Retries:
    """What a retry policy asks for. Raises BadInput."""
    known_only(policy, POLICY, "action.retryPolicy")
    kind = policy.get("retryType")
    if not isinstance(kind, str) or kind.lower() not in ("none", "fixed"):
        raise BadInput(f"action.retryPolicy.retryType cannot be {shown(kind)}; it is none or fixed")
    count, interval = policy.get("retryCount", COUNT), policy.get("retryInterval")
    if type(count) is not int or not 0 <= count <= MOST_RETRIES:
        raise BadInput(
            f"action.retryPolicy.retryCount cannot be {shown(count)}; it is a whole number from 0 to {MOST_RETRIES}"
        )
    seconds = INTERVAL if interval is None else duration(interval)
    if seconds is None or not SHORTEST <= seconds <= LONGEST:
        raise BadInput(
            f"action.retryPolicy.retryInterval cannot be {shown(interval)}; "
            "it is a duration by ISO 8601 from PT15S to P18M, as PT30S"
        )
    return Retries(0 if kind.lower() == "none" else count, seconds)


def duration(value: object) -> float | None:
    """Seconds of a duration by ISO 8601; a month has 30 days, a year 365. None for what is none."""
    match = DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    return sum(float(number or 0) * unit for number, unit in zip(match.groups(), UNITS, strict=True))


def duration_text(seconds: float) -> str:
    """`PT30S`, `P1DT2H`."""
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    time = "".join(f"{number:.10g}{unit}" for number, unit in ((hours, "H"), (minutes, "M"), (rest, "S")) if number)
    return "P" + (f"{days:.0f}D" if days else "") + (f"T{time}" if time or not days else "") + ("0S" * (not seconds))


def known_only(value: Mapping[str, Any], known: tuple[str, ...], place: str, otherwise: str = "") -> None:
    """Raises BadInput for an element that there is not."""
    for name in value:
        if name not in known:
            hint = near_miss(name[:40], known) or f"; {otherwise or 'it has ' + ', '.join(known)}"
            raise BadInput(f"{place} has no element {shown(name)}{hint}")


def shown(value: object) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "an array"
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
