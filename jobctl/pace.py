"""How long runs take, as measured; how many may be handed ahead follows from it."""

from __future__ import annotations

from typing import Final

QUICK: Final = 0.01
"""Seconds below which runs may be handed ahead; what takes longer tells its runner's daemon that it began."""
AHEAD: Final = 0.05
"""Seconds of work that one runner may hold: about so long does a newcomer wait behind what was handed ahead."""
MOST: Final = 256
"""System jobs that one runner may hold."""
OVERHEAD: Final = 0.0001
"""Seconds that the shortest run takes, with what surrounds it."""
KNOWN: Final = 10_000


class Pace:
    """The expected run times of definitions (by the number of their version), in seconds."""

    def __init__(self) -> None:
        self._expected: dict[int, float] = {}

    def expected(self, version: int) -> float | None:
        """None: never measured, so nothing is known."""
        return self._expected.get(version)

    def measured(self, version: int, seconds: float) -> None:
        """A run took so long. Slower ones count at once, quicker ones by and by."""
        seconds += OVERHEAD
        before = self._expected.get(version)
        if before is None:
            if len(self._expected) >= KNOWN:
                self._expected.clear()
            self._expected[version] = seconds
        else:
            self._expected[version] = before + (seconds - before) * (0.5 if seconds > before else 0.125)

    def is_slow(self, version: int) -> None:
        """A run takes longer than QUICK, and nobody knows how long yet."""
        self._expected[version] = max(self._expected.get(version, 0.0), 2 * QUICK)
