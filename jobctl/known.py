"""What a connection need not read twice."""

from __future__ import annotations

from jobctl.model import JobVersion


class Known:
    """What was read of what never changes, for as long as nothing is rolled back."""

    def __init__(self) -> None:
        self.versions: dict[int, JobVersion] = {}
        self.actors: dict[str, int] = {}
        self.moment: int | None = None
        """The last commit of this connection after which `next_number` and `in_force` were right."""
        self.next_number = 0
        self.in_force: dict[str, JobVersion] = {}
        """Definitions by the names of their jobs."""

    def clear(self) -> None:
        """Something was rolled back: a version or an actor that it made leaves its number to another."""
        self.versions.clear()
        self.actors.clear()
        self.in_force.clear()
        self.moment = None
