"""Numbers drawn in one line of text: durations with their outcomes, and how far a run is."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

LEVELS: Final = "▁▂▃▄▅▆▇█"
PLAIN_LEVELS: Final = "_.-=+*#@"
FAILED: Final = ("×", "x")
CANCELED: Final = ("○", "o")
BAR: Final = 10


def can_draw() -> bool:
    """Whether stdout takes more than ASCII, and is a terminal that shows it."""
    if sys.stdout is None or not sys.stdout.isatty():
        return False
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")


def sparkline(values: Sequence[float | str], *, blocks: bool) -> str:
    """One character each: the height of a number compared with the greatest, or `failed`, `canceled` as a mark.

    `blocks`: with block characters, else in ASCII.
    """
    levels = LEVELS if blocks else PLAIN_LEVELS
    greatest = max((value for value in values if not isinstance(value, str)), default=0)
    marks = {"failed": FAILED[not blocks], "canceled": CANCELED[not blocks]}

    def character(value: float | str) -> str:
        if isinstance(value, str):
            return marks[value]
        return levels[min(int(value / greatest * len(levels)), len(levels) - 1) if greatest else 0]

    return "".join(map(character, values))


def progress_bar(percent: float, *, blocks: bool) -> str:
    """`██████░░░░` or `[######----]`."""
    full = round(min(max(percent, 0), 100) / 100 * BAR)
    return "█" * full + "░" * (BAR - full) if blocks else f"[{'#' * full}{'-' * (BAR - full)}]"
