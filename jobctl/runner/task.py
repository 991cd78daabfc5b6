"""The seam between a run and what runs in it."""

from __future__ import annotations

from typing import Protocol

from jobctl.runner.outcome import Exit, Verdict
from jobctl.runner.output import Output
from jobctl.runner.tree import Tree


class Settle(Protocol):
    def __call__(self, verdict: Verdict, *, gone: bool) -> None:
        """The task ended by itself; `gone` when nothing of it can be left running."""


class Task(Protocol):
    """What runs: a command's process, or a callable in a worker."""

    output: Output
    tree: Tree
    exit: Exit
    """How its main process ended, once it did."""
    tainted: bool
    """Set once it was signalled: nothing of it may serve another run."""

    @property
    def patience(self) -> float:
        """Seconds what it left behind has to end by itself."""

    def child_ended(self, pid: int, exited: Exit) -> None:
        """A child of the runner, not necessarily of this task, was reaped."""

    def look(self) -> None:
        """Find out now whether it has settled."""

    def close(self) -> None: ...
