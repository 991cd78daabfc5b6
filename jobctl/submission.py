"""jobctl.submit and jobctl.submit_many; apart from the rest of the API, so that no call has to import anything."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from jobctl import submitting
from jobctl.clock import from_datetime
from jobctl.errors import BadInput
from jobctl.jsontext import json_of
from jobctl.kept import close, open_store, opened
from jobctl.model import SystemJob, Wait

After = int | SystemJob | tuple[int | SystemJob, str]


def submit(
    name: str,
    data: object = None,
    at: datetime | str | None = None,
    regarding: str | None = None,
    *,
    after: After | Iterable[After] = (),
    on_event: str | None = None,
    key: str | None = None,
) -> SystemJob:
    """Submit a system job of the job `name`, due now or `at` (an aware datetime, or as `jobctl run --at` takes it).

    `data` is anything JSON can hold: an object becomes keyword arguments of a callable, an array positional ones.
    `after`: system jobs or their numbers, which have to succeed first; `(41, "any")` or `(41, "failure")` for another
    ending. `on_event`: not before `emit` of that event. `key`: the same request again gives the first system job.
    Raises a JobctlError whose text says what is wrong.
    """
    text = None if data is None else json_of(data)
    plain = after == () and on_event is None and key is None
    conditions = submitting.UNCONDITIONAL if plain else submitting.Conditions(_waits(after), on_event, key)
    store = opened()
    try:
        instant = None if at is None else _instant(at, store.clock.now())
        request = submitting.Request(text, instant, regarding, conditions)
        return submitting.submit_request(store, name, request, "api")
    except BaseException:
        close()
        raise


def submit_many(name: str, data: Iterable[object], at: datetime | str | None = None) -> list[int]:
    """Submit a system job of the job `name` for each item of `data`, as `submit` takes it; their numbers, in order.

    All items are checked before the first is submitted. A commit takes 5,000: each is submitted whole or not at all.
    Raises a JobctlError whose text says what is wrong.
    """
    texts = [None if item is None else json_of(item) for item in data]
    with open_store() as store:
        instant = None if at is None else _instant(at, store.clock.now())
        requests = (submitting.Request(text, instant) for text in texts)
        commits = submitting.submit_many(store, name, requests, message_name="api")
        return [number for numbers in commits for number in numbers]


def _waits(after: After | Iterable[After]) -> tuple[Wait, ...]:
    pair = isinstance(after, tuple) and len(after) == 2 and isinstance(after[1], str)
    several = isinstance(after, Iterable) and not pair
    found: dict[int, Wait] = {}
    for one in after if several else [after]:  # type: ignore[union-attr]
        predecessor, condition = one if isinstance(one, tuple) and len(one) == 2 else (one, "success")
        sequence = getattr(predecessor, "sequence", predecessor)
        if type(sequence) is not int or condition not in ("success", "failure", "any"):
            raise BadInput(f"after takes system jobs, their numbers, or pairs such as (41, 'any'), not {one!r}")
        found[sequence] = Wait(sequence, condition)
    return tuple(found.values())


def _instant(at: datetime | str, now: int) -> int:
    if isinstance(at, datetime):
        if at.tzinfo is None:
            raise BadInput("at needs a time zone: a datetime without one means no single instant")
        return from_datetime(at)
    if not isinstance(at, str):
        raise BadInput(f"at must be an aware datetime or a text, not {type(at).__name__}")
    from jobctl.schedule.instants import parse_instant
    from jobctl.schedule.zones import local_zone_name, zone

    return parse_instant(at, now, zone(local_zone_name()))
