"""One operation on many system jobs: in batches, each a short transaction in which one refusal undoes only its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from jobctl.errors import BadInput, JobctlError, NotFound, Refused
from jobctl.model import SystemJob
from jobctl.records import dataclass
from jobctl.selection import matches, pages
from jobctl.store import Filter, Store, Transaction

PAGE = 500
LONGEST = 0.05
"""Seconds after which a transaction takes no further system job, so that others get their turn."""

Move = Callable[[Store, int], SystemJob]


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one system job: moved, refused, or neither because it was left out."""

    before: SystemJob
    after: SystemJob | None = None
    error: JobctlError | None = None


class Batch(Transaction):
    """A transaction whose parts are undone one by one: each `write` within it is such a part."""

    def __init__(self, tx: Transaction) -> None:
        super().__init__(tx)
        self.now = tx.now
        self.id_of(self.actor)  # written before the first part, so that none takes it away again

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """A part: what fails in it is undone, the rest stands."""
        run = self.database.run
        run("begin_part")
        try:
            yield self
        except BaseException:
            self.known.clear()
            if self.database.connection.in_transaction:  # a full disk may have ended all of it
                run("undo_part")
                run("end_part")
            raise
        run("end_part")


class _Undone(Exception):
    """Ends the transaction of a dry run."""


def perform(
    store: Store,
    chosen: Filter,
    move: Move,
    *,
    among: Callable[[SystemJob], bool] = lambda row: True,
    dry_run: bool = False,
) -> Iterator[list[Done]]:
    """Move what the filter chooses, the oldest first; each list that is yielded is stored, or in a dry run undone.

    Those for which `among` is false are left out, and told of.
    """

    def one(batch: Batch, sequence: int) -> Done | None:
        row = batch.find_system_job(sequence)
        if row is None or not matches(batch, chosen, row):  # it went on since it was looked for
            return None
        return attempt(batch, row, move) if among(row) else Done(row)

    for page in pages(store, chosen, PAGE):
        left = deque(page)
        while left:
            done: list[Done] = []
            with _transaction(store, dry_run) as batch:
                until = store.clock.monotonic() + LONGEST
                while left:
                    if (result := one(batch, left.popleft())) is not None:
                        done.append(result)
                    if store.clock.monotonic() >= until:
                        break
            yield done


def try_out(store: Store, row: SystemJob, move: Move) -> Done:
    """What would become of it; nothing is changed."""
    with _transaction(store, dry_run=True) as batch:
        return attempt(batch, row, move)
    raise AssertionError("unreachable")


def attempt(batch: Batch, row: SystemJob, move: Move) -> Done:
    try:
        return Done(row, move(batch, row.sequence))
    except (Refused, NotFound, BadInput) as error:
        return Done(row, error=error)


@contextmanager
def _transaction(store: Store, dry_run: bool) -> Iterator[Batch]:
    with suppress(_Undone), store.write() as tx:
        yield Batch(tx)
        if dry_run:
            raise _Undone
