"""What the event loop asks of other threads, and how it gets the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from jobctl.store import Store

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """Work for another thread, and who waits for it."""

    actor: str
    function: Callable[[Store], Any]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any]


Answer = tuple[Asked, Any, BaseException | None]


def ask(queue: SimpleQueue[Asked | None], actor: str, function: Callable[[Store], T]) -> asyncio.Future[T]:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()
    queue.put(Asked(actor, function, loop, done))
    return done


def waiting(queue: SimpleQueue[Asked | None]) -> Iterator[Asked]:
    """Takes what waits now; the mark of the end is left where it was."""
    with suppress(Empty):
        while (asked := queue.get_nowait()) is not None:
            yield asked
        queue.put(None)


def deliver(answers: Iterable[Answer]) -> None:
    """From another thread than the loops'."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Answer]] = {}
    for answer in answers:
        by_loop.setdefault(answer[0].loop, []).append(answer)
    for loop, some in by_loop.items():
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, some)


def _settle(answers: list[Answer]) -> None:
    for asked, result, error in answers:
        if asked.done.done():  # who asked has gone
            continue
        if error is None:
            asked.done.set_result(result)
        else:
            asked.done.set_exception(error)
