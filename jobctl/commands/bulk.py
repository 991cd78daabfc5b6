"""What the commands that move system jobs share: IDs or filters, a dry run, and how it is told what was done."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import click

from jobctl import bulk, control
from jobctl.bulk import Done, Move
from jobctl.commands.context import ID, App, note, note_daemon
from jobctl.commands.filters import check_known, filter_options, taken
from jobctl.commands.results import MOST_TOLD, DocumentStream, Results
from jobctl.commands.waiting import completed, moved_line, title, words
from jobctl.errors import BadInput, JobctlError, NotFound, Refused
from jobctl.model import Reason, State, SystemJob
from jobctl.output.text import local
from jobctl.records import dataclass, replace
from jobctl.store import Filter

LIVE: Final = (State.READY, State.SUSPENDED, State.LOCKED)


@dataclass(frozen=True, slots=True)
class Operation:
    """What is done to each system job."""

    verb: str
    """As a NAME is resolved for it."""
    move: Move
    states: tuple[State, ...]
    """What filters choose from, unless they name a state, a status or a reason."""
    done: str
    """What a system job is afterwards, in words."""
    next_too: bool = False
    """Whether they then also choose the next occurrence of a schedule."""
    stored: Callable[[SystemJob], None] = lambda system_job: None
    """What is left to do for one once its move is committed."""

    def scope(self, chosen: Filter) -> tuple[Filter, Callable[[SystemJob], bool]]:
        """The filter, and which of those it chooses are meant."""
        if chosen.states or chosen.statuses or chosen.reasons:
            return chosen, lambda row: True
        return replace(chosen, states=self.states), lambda row: self.next_too or not is_next(row)


def is_next(row: SystemJob) -> bool:
    """Whether it is the occurrence of a schedule that has yet to come."""
    return row.plan is not None and row.state is State.SUSPENDED and row.reason is Reason.SCHEDULED


def targets(function: Callable[..., Any], until: str = "--until") -> Callable[..., Any]:
    """IDs or the monitor's filters, and --dry-run, for `carry_out`."""
    function = click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")(function)
    function = filter_options(function, until)
    return click.argument("ids", type=ID, nargs=-1, metavar="[ID]...")(function)


def carry_out(app: App, operation: Operation, options: dict[str, Any], *, as_json: bool, wait: bool) -> Results:
    """What became of each: those refused or not found are told of, the others are done. Takes its `options` out."""
    ids, dry_run, chosen = options.pop("ids"), options.pop("dry_run"), taken(options)
    name = operation.verb.removesuffix("-next")
    if bool(ids) == (chosen != Filter()):
        raise BadInput(
            f"IDs and filters exclude each other: {name} takes one or the other"
            if ids
            else f"{name} what? Give IDs, or a filter such as --job or --state; see: jobctl {name} --help"
        )
    if dry_run and wait:
        raise BadInput("--dry-run changes nothing, so there is nothing to --wait for")
    if ids and not dry_run:
        return each(app, ids, operation)
    teller = Teller(app, operation, as_json=as_json, dry_run=dry_run, keep=wait)
    with teller:
        if ids:
            try_each(app, ids, operation, teller)
        else:
            choose(app, operation, chosen, teller)
    return teller.results


def each(app: App, ids: tuple[str, ...], operation: Operation) -> Results:
    store, results = app.store(), Results()
    for text in ids:
        try:
            moved = operation.move(store, control.resolve(store, text, operation.verb).sequence)
        except (Refused, NotFound, BadInput) as error:
            results.refuse(text, error)
        else:
            operation.stored(moved)
            results.add(moved)
    if any(not completed(one) for one in results.now.values()):
        note_daemon(app)
    return results


def try_each(app: App, ids: tuple[str, ...], operation: Operation, teller: Teller) -> None:
    store = app.store()
    for text in ids:
        try:
            row = control.resolve(store, text, operation.verb)
        except (NotFound, BadInput, Refused) as error:
            teller.results.refuse(text, error)
        else:
            teller.take([bulk.try_out(store, row, operation.move)])


def choose(app: App, operation: Operation, chosen: Filter, teller: Teller) -> None:
    store = app.store()
    narrowed, among = operation.scope(chosen)
    with interrupted_between() as check:
        for batch in bulk.perform(store, narrowed, operation.move, among=among, dry_run=teller.dry_run):
            if not teller.dry_run:
                for one in batch:
                    if one.after is not None:
                        operation.stored(one.after)
            teller.take(batch)
            check()
    if teller.nothing and not store.system_jobs(Filter(job=chosen.job), 1):
        check_known(store, chosen.job)


@contextmanager
def interrupted_between() -> Iterator[Callable[[], None]]:
    """Ctrl-C takes effect only where the yielded check is called: what is stored is also told. A second one at once."""
    asked = False

    def ask(number: int, frame: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    def check() -> None:
        if asked:
            raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, ask)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)


class Teller:
    """Tells of many while they are done: a line or a JSON object each, and in the end how many there were."""

    def __init__(self, app: App, operation: Operation, *, as_json: bool, dry_run: bool, keep: bool) -> None:
        self.app, self.operation, self.dry_run, self.keep = app, operation, dry_run, keep
        self.results = Results(told=not keep)
        self.stream = DocumentStream(app.store()) if as_json and not keep else None
        self.done = self.left_out = 0
        self.live = False

    @property
    def nothing(self) -> bool:
        return not (self.done or self.left_out or self.results.refused)

    def __enter__(self) -> Teller:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Whatever ended it: the document is whole, and what was done before is said."""
        if isinstance(error, JobctlError) and self.stream is not None:
            self.results.refused.append(("", error))
        if self.stream is not None and not isinstance(error, BrokenPipeError):
            self.stream.close(errors=self.results.errors, dry_run=self.dry_run)
        if error is None or self.done:
            note(self.summary())
        if self.live and not self.dry_run:
            note_daemon(self.app)

    def take(self, batch: list[Done]) -> None:
        self.done += sum(one.after is not None for one in batch)  # they are, whether or not it can still be told
        for one in batch:
            if one.error is not None:
                self.results.refuse(str(one.before.sequence), one.error)
            elif one.after is None:
                self.left_out += 1
            else:
                self.accept(one.before, one.after)

    def accept(self, before: SystemJob, after: SystemJob) -> None:
        self.live = self.live or not completed(after)
        if self.keep:
            self.results.add(after)
        elif self.stream is not None:
            self.stream.add(before if self.dry_run else after)
        else:
            click.echo(self.line(before, after))

    def line(self, before: SystemJob, after: SystemJob) -> str:
        if self.dry_run:
            until = f" until {local(after.pause_until or after.due_at)}" if self.operation.verb == "postpone" else ""
            return f"{title(before)}: {words(before)}, would be {self.operation.done}{until}"
        if self.operation.verb == "delete":
            return f"{title(before)}: " + ("canceling, then deleted" if after.has_process else "deleted")
        return moved_line(after)

    def summary(self) -> str:
        """`cancel: 3 done, 1 refused`."""
        refused = len(self.results.refused)
        if self.nothing:
            return "no system job matches; nothing was done"
        parts = [f"{self.done:,} {'would be ' if self.dry_run else ''}done"]
        if refused:
            parts.append(
                f"{refused:,} refused" + (f" (the first {MOST_TOLD} are named)" if refused > MOST_TOLD else "")
            )
        if self.left_out:
            parts.append(f"{self.left_out:,} next occurrences of schedules left alone (--reason scheduled names them)")
        name = self.operation.verb.removesuffix("-next")
        return f"{name}{', dry run' if self.dry_run else ''}: " + ", ".join(parts)
