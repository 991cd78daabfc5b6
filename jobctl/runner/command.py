"""A command as the task of a run: one child process, and whatever it starts."""

from __future__ import annotations

from typing import Final

from jobctl.runner import outcome
from jobctl.runner.loop import Loop
from jobctl.runner.outcome import Exit
from jobctl.runner.output import Output
from jobctl.runner.spawn import Spawner
from jobctl.runner.task import Settle
from jobctl.runner.tree import Tree
from jobctl.runner.work import Work


class Command:
    patience: Final = 0.1
    """Seconds its leftovers have to end by themselves, such as a reader of its last output."""

    def __init__(self, work: Work, output: Output, tree: Tree, settle: Settle) -> None:
        self.work = work
        self.output = output
        self.tree = tree
        self.settle = settle
        self.exit = outcome.UNKNOWN
        self.tainted = False

    def child_ended(self, pid: int, exited: Exit) -> None:
        if pid == self.tree.leader:
            self.exit = exited
            self.settle(outcome.of_command(exited, self.work.definition.success_codes), gone=False)

    def look(self) -> None:
        """Nothing but its exit tells how a command ended."""

    def close(self) -> None:
        self.output.close()
        self.tree.close()


def start(
    loop: Loop, spawner: Spawner, work: Work, environment: dict[str, str], spared: int | None, settle: Settle
) -> Command:
    """Start the command, beside a process that is `spared`. Raises SpawnFailed or SpawnPostponed."""
    definition = work.definition
    child = spawner.start(definition.argv, definition.cwd, definition.umask, environment)
    return Command(work, Output(loop, child.stdout, child.stderr), Tree(child.pid, spared), settle)
