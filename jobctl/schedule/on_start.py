"""Once per boot, when the daemon first runs after it: `{"notation": "on_start"}`, cron's `@reboot`.

It has no instants that could be computed: the ledger makes its occurrences.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from jobctl.schedule.recurring import Terms


@dataclass(frozen=True, slots=True)
class OnStart:
    """A Schedule without computable instants."""

    def first(self, created: datetime) -> datetime | None:
        return None

    def next_after(self, i: datetime) -> datetime | None:
        return None

    def last_before(self, i: datetime) -> datetime | None:
        return None

    def count_between(self, a: datetime, b: datetime) -> int:
        return 0

    def describe(self) -> str:
        return "once after each start of the machine, when the daemon runs"

    def note(self, i: datetime) -> str:
        return ""


def build(spec: Mapping[str, object], terms: Terms) -> OnStart:
    """The schedule of a spec."""
    return OnStart()
