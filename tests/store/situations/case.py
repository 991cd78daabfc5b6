"""How a situation is written down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from tests.store.desk import Desk

Build = Callable[[Desk], Iterator[Any]]


@dataclass(frozen=True)
class Situation:
    """Up to its first `yield` the builder brings it about and gives what to ask for; from there on it goes on."""

    build: Build
    says: tuple[str, ...]
    """The code of the decisive sentence, and what the sentences hold."""
    command: str | None
    whose: str | None = None
    """The job whose next run is what changes; else it is the system job itself, or its rerun."""


class Note(Protocol):
    def __call__(self, *says: str, command: str | None, whose: str | None = None) -> Callable[[Build], Build]: ...


def collection() -> tuple[Note, dict[str, Situation]]:
    """A decorator of builders, and what it collects by their names."""
    found: dict[str, Situation] = {}

    def situation(*says: str, command: str | None, whose: str | None = None) -> Callable[[Build], Build]:
        def note(build: Build) -> Build:
            found[build.__name__.replace("_", " ")] = Situation(build, says, command, whose)
            return build

        return note

    return situation, found
