"""The monitor's filters as people write them, for every door: the same words, meanings and sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta, tzinfo
from typing import Any, Final, TypeVar

from jobctl import texts
from jobctl.criteria import Filter
from jobctl.errors import BadInput, JobNotFound
from jobctl.model import OPERATION_BULK_DELETE, OPERATION_DELETION_SERVICE, OPERATION_WORKFLOW, Reason, State, Status
from jobctl.output.text import escape
from jobctl.store import Store

T = TypeVar("T")
STATES: Final[Mapping[str, State]] = {state.label: state for state in State}
STATUSES: Final[Mapping[str, Status]] = {status.label: status for status in Status}
REASONS: Final[Mapping[str, Reason]] = {reason.value: reason for reason in Reason}
TYPES: Final[Mapping[str, int]] = {
    "workflow": OPERATION_WORKFLOW,
    "bulk_delete": OPERATION_BULK_DELETE,
    "deletion_service": OPERATION_DELETION_SERVICE,
}
ORIGINS: Final = ("schedule", "run", "rerun", "http", "api")
"""What a system job may have been started by (Dataverse: MessageName)."""
NAMES: Final = (
    "state",
    "status",
    "reason",
    "job",
    "since",
    "until",
    "token",
    "type",
    "owner",
    "tag",
    "message-name",
)
"""The filters, as the options of `jobctl monitor` are called."""


def some_of(text: str, members: Mapping[str, T]) -> tuple[T, ...]:
    """Those of the members that `text` names, separated by commas. Raises BadInput."""
    words = [word.strip().lower().replace(" ", "_").replace("-", "_") for word in text.split(",")]
    for word in words:
        if word not in members:
            raise BadInput(f"{escape(word)!r} is none of {', '.join(members)}")
    return tuple(members[word] for word in words)


def operation_type(value: str) -> int:
    """The operation type that a number or a name means. Raises BadInput."""
    text = value.lower()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return int(text)
    if text not in TYPES:
        raise BadInput(f"{escape(text)!r} is no operation type: give its number, or {', '.join(TYPES)}")
    return TYPES[text]


def last_instant(text: str, now: int, zone: tzinfo) -> int:
    """As for --since (`2h` is two hours ago), but a day without a time is its last microsecond."""
    from jobctl.schedule.instants import parse_duration, parse_end, parse_instant, parse_past

    clean = text.strip()
    if clean == "yesterday":
        return parse_instant("today", now, zone) - 1
    with suppress(BadInput):
        return now - parse_duration(clean) // timedelta(microseconds=1)
    if clean.startswith("yesterday") or clean.endswith("ago"):
        return parse_past(clean, now, zone)
    return parse_end(text, now, zone)


def actor(name: str) -> str:
    """An owner as it is stored: without a kind, a user."""
    return name if ":" in name else f"user:{name}"


def origin(text: str) -> str:
    """What a system job was started by. Raises BadInput."""
    if text not in ORIGINS:
        raise BadInput(f"{escape(text)!r} is not one of {', '.join(ORIGINS)}")
    return text


def filter_from(values: Mapping[str, str], now: int, zone: tzinfo) -> Filter:
    """The filter that texts by the NAMES say; an empty one does not restrict. Raises BadInput that names the filter."""
    from jobctl.schedule.instants import parse_past

    def read(name: str, reader: Callable[[str], T], default: T) -> T:
        text = values.get(name, "").strip()
        if not text:
            return default
        try:
            return reader(texts.clean(text, "it"))
        except BadInput as error:
            raise BadInput(f"{name}: {error}") from None

    nothing: Any = None
    return Filter(
        states=read("state", lambda text: some_of(text, STATES), ()),
        statuses=read("status", lambda text: some_of(text, STATUSES), ()),
        reasons=read("reason", lambda text: some_of(text, REASONS), ()),
        job=read("job", str, nothing),
        since=read("since", lambda text: parse_past(text, now, zone), nothing),
        until=read("until", lambda text: last_instant(text, now, zone), nothing),
        token=read("token", str, nothing),
        operation_type=read("type", operation_type, nothing),
        owner=read("owner", actor, nothing),
        tag=read("tag", str, nothing),
        message_name=read("message-name", origin, nothing),
    )


def check_known(store: Store, job: str | None) -> None:
    """An empty list because of a slip in the name is an error, not an answer."""
    if job is not None and job != "adhoc" and job not in (names := store.job_names()):
        raise JobNotFound(job, names)
