"""Handing ahead: the runs in a worker's hands, of which it may have begun the first.

A quick success passes through here without more ado. As soon as anything else is to be done about the run that has
begun, it becomes a Run of its own, and all others are taken back: the kernel decides which those are.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable
from itertools import chain
from typing import Any, Final, Protocol

from jobctl import clock as clocks
from jobctl.clock import MICROSECONDS, Clock
from jobctl.errors import BadInput
from jobctl.jsontext import check_json
from jobctl.logs import LogWriter
from jobctl.runner import outcome
from jobctl.runner.begun import WRITTEN
from jobctl.runner.callable import NONSENSE, Answer, Call, believed, understand
from jobctl.runner.interpreter import Worker
from jobctl.runner.journal import Journal, fed_record, unfed_record
from jobctl.runner.loop import Loop, Timer
from jobctl.runner.protocol import Message, end_text
from jobctl.runner.report import Reports
from jobctl.runner.run import TOLD_AFTER
from jobctl.runner.work import Work

MAX_HELD: Final = 128
MANY: Final = 8
"""Runs in hand from which on answers are awaited for a moment, to come in one go."""
DOZE_EACH: Final = 0.00002
"""Seconds for each of them: less than the shortest takes, so that the worker has something to do meanwhile."""
LONGEST_DOZE: Final = 0.002
MOST_TOGETHER: Final = 8 * 1024
"""Characters of a result told with others."""
MAX_KNOWN: Final = 64
MAX_KNOWN_LENGTH: Final = 200
BELIEVED: Final = 1.0
"""Seconds for which a run may seem not to have begun although nothing else can keep it from it."""


class Owner(Protocol):
    """The runner."""

    home: str
    clock: Clock
    loop: Loop
    journal: Journal
    queue: deque[Work]
    ends: list[str]
    worker: Worker | None

    @property
    def current(self) -> object: ...

    def send(self, message: Message) -> None: ...

    def tell(self, encoded: bytes) -> None: ...

    def is_crowded(self) -> bool: ...

    def note_begin(self, work: Work, began: int) -> bytes: ...

    def take_over(self, work: Work, worker: Worker, began: int, reports: Reports | None) -> Call: ...

    def ended_quietly(self, work: Work, began: int, result: Message) -> None: ...

    def flush_journal(self) -> bool: ...


class Feed:
    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.held: deque[Work] = deque()
        self.ordinal = 0
        self.reports: Reports | None = None
        """What the run that has begun said about itself."""
        self.since = 0.0
        """When the first became the first, at the latest; seconds of the monotonic clock."""
        self.timer: Timer | None = None
        self.full = False
        self.prepared: list[Work] = []
        """What the daemon is about to commit."""
        self.written = False
        """Whether it is written down, and needs nothing but to be given."""
        self.known: set[str] = {"null"}
        """Short results that were checked before."""

    def number(self, work: Work) -> None:
        """Make a request of it."""
        self.ordinal += 1
        work.ordinal = self.ordinal

    # Giving

    def fill(self, worker: Worker) -> bool:
        """Give the worker what it may run next, noted before; whether it has something in hand."""
        owner = self.owner
        queue, room = owner.queue, MAX_HELD - len(self.held)
        works: list[Work] = []
        if not self.full and worker.is_current():
            while queue and len(works) < room and self.may_be_fed(worker, queue[0]):
                works.append(queue.popleft())
        if not works:
            return bool(self.held)
        if not self.write_down(works):
            queue.extendleft(reversed(works))
            return bool(self.held)
        self.give(worker, works)
        return True

    def write_down(self, works: list[Work]) -> bool:
        """Note what is about to be given; False if it cannot be."""
        owner = self.owner
        now = owner.clock.now()
        for work in works:
            self.number(work)
            work.fed_on = now
        owner.journal.note(fed_record(works))
        if owner.flush_journal():
            return True
        owner.journal.withdraw()
        return False

    def prepare(self, works: list[Work]) -> None:
        """Be ready to give what the daemon is about to commit, beside what it prepared before."""
        worker = self.owner.worker
        written = (
            worker is not None
            and (self.written or not self.prepared)
            and self.is_free(worker)
            and len(self.prepared) + len(works) <= MAX_HELD
            and all(self.may_be_fed(worker, work) for work in works)
            and self.write_down(works)
        )
        if self.written and not written:
            self.owner.journal.note(unfed_record(self.prepared))
        self.prepared += works
        self.written = written

    def is_free(self, worker: Worker) -> bool:
        """Whether nothing comes before what is prepared."""
        """Whether nothing comes before what is prepared."""
        busy = self.held or self.owner.queue or self.owner.current is not None
        return not busy and not worker.fresh and worker.ending is None and worker.is_current()

    def go(self) -> None:
        """What was prepared is committed."""
        works, self.prepared = self.prepared, []
        written, self.written = self.written, False
        worker = self.owner.worker
        if written and worker is not None and self.is_free(worker):
            self.give(worker, works)
            os.sched_yield()  # the worker may be waiting for this very processor
            return
        if written:
            self.owner.journal.note(unfed_record(works))
        self.owner.queue.extend(works)

    def forget(self) -> None:
        """What was prepared is not committed, or nobody is there to say so."""
        if self.written:
            self.owner.journal.note(unfed_record(self.prepared))
        self.prepared, self.written = [], False

    @property
    def on_record(self) -> Iterable[Work]:
        """What is written down as given, or about to be."""
        return chain(self.held, self.prepared if self.written else ())

    def may_be_fed(self, worker: Worker, work: Work) -> bool:
        definition = work.definition
        if definition.callable is None or definition.isolate or (work.data is not None and work.has_large_data):
            return False
        return definition is worker.suited or worker.suits(definition)

    def give(self, worker: Worker, works: list[Work]) -> None:
        if not self.held:
            worker.answered, worker.ended, worker.awaited = self.heard, self.lost, self.doze
            worker.peer.sift = self.take_successes
            worker.output.drain()  # what came between two runs belongs to none
            self.since = self.owner.clock.monotonic()
            if self.timer is None:
                self.timer = self.owner.loop.call_later(TOLD_AFTER, self.look_after)
        for position, work in enumerate(works):
            if not worker.give(work):
                self.full = True
                self.put_back(works[position:])
                break
            self.held.append(work)

    # Taking

    def collect(self) -> None:
        """Take back what has not begun; what has becomes a Run."""
        worker = self.owner.worker
        if worker is None or not self.held:
            return
        self.put_back(self.take_back(worker))
        self.look(worker)
        if self.held:
            self.take_over(worker)

    def take_back(self, worker: Worker) -> list[Work]:
        """Those the worker has not taken; it may have taken later ones."""
        ordinals = worker.take_back()
        back = [work for work in self.held if work.ordinal in ordinals]
        self.held = deque([work for work in self.held if work.ordinal not in ordinals])
        return back

    def put_back(self, works: list[Work]) -> None:
        if works:
            self.owner.journal.note(unfed_record(works))
            self.owner.queue.extendleft(reversed(works))

    def take_over(self, worker: Worker) -> Call:
        """Make a Run of the only one left; its task."""
        work = self.held.popleft()
        reports, self.reports = self.reports, None
        while self.held:  # it took one before it had answered for the other
            self.end(worker, self.held.popleft(), NONSENSE)
        return self.owner.take_over(work, worker, self.began(worker, work), reports)

    def began(self, worker: Worker, work: Work) -> int:
        """The instant at which it began, as far as can be known."""
        now = self.owner.clock.now()
        began = worker.begun.at() + clocks.shift(self.owner.clock) if worker.begun.has(work.ordinal) else now
        return min(max(began, work.fed_on), now)

    def look_after(self) -> None:
        """See to it that a run which goes on does so as a Run."""
        self.timer = None
        worker = self.owner.worker
        if worker is None or not self.held:
            return
        first = self.held[0]
        self.look(worker)
        if not self.held or self.owner.worker is not worker:
            return
        patience = TOLD_AFTER
        if self.held[0] is first:
            patience = self.patience(worker, first)
        if patience > 0:
            self.timer = self.owner.loop.call_later(patience, self.look_after)
        else:
            self.collect()

    def patience(self, worker: Worker, first: Work) -> float:
        """Seconds that the first may yet go on before it becomes a Run."""
        waited = self.owner.clock.monotonic() - self.since
        if not worker.begun.has(first.ordinal) and waited < BELIEVED:
            return TOLD_AFTER
        now = self.owner.clock.now() - clocks.shift(self.owner.clock)
        ran = (now - worker.begun.at()) / MICROSECONDS
        return TOLD_AFTER - (ran if 0 <= ran <= waited else waited)

    # Hearing

    def look(self, worker: Worker) -> None:
        worker.look()
        self.take_written()

    def doze(self) -> None:
        self.take_written()
        if len(self.held) >= MANY:
            clocks.doze(min(DOZE_EACH * len(self.held), LONGEST_DOZE))

    def heard(self, said: Any) -> None:
        worker = self.owner.worker
        assert worker is not None
        self.take_written()
        if said == WRITTEN:
            if not self.held or (found := worker.begun.success(self.held[0].ordinal)) is None:
                return
            said = [self.held[0].ordinal, *found]  # what makes no sense was left
        if not self.held:
            worker.hang_up()  # nobody asked
            return
        self.full = False
        self.since = self.owner.clock.monotonic()
        if isinstance(said, dict) and said.get("k") == "report":
            self.report(worker, said)
            return
        answer = understand(said, self.held[0].ordinal)
        worker.files.update(answer.files)
        if answer.keep and (not answer.children or worker.tree.is_alone()):
            self.end(worker, self.held.popleft(), answer)
            return
        self.put_back(self.take_back(worker))
        self.take_over(worker).heard(said)

    def take_written(self) -> None:
        """Record the successes that are only written down."""
        held, worker = self.held, self.owner.worker
        if not held or worker is None or self.reports is not None:
            return
        if (found := worker.begun.success(held[0].ordinal)) is None:
            return
        now, shift = self.owner.clock.now(), clocks.shift(self.owner.clock)
        while found is not None and (found.result in self.known or self.is_good(found.result)):
            self.succeeded(held.popleft(), found.began + shift, found.ran, found.result, now)
            found = worker.begun.success(held[0].ordinal) if held else None
        self.full = False
        self.since = self.owner.clock.monotonic()

    def take_successes(self, said: deque[Any]) -> None:
        """Record the successes without anything special that were said first, and take them out."""
        self.take_written()
        held, clock = self.held, self.owner.clock
        if not held or self.reports is not None:
            return
        count, now, shift = len(said), clock.now(), clocks.shift(clock)
        while said and held:
            work, answer = held[0], said[0]
            if type(answer) is not list or len(answer) != 4:
                break
            ordinal, began, ran, result = answer
            if ordinal != work.ordinal or type(began) is not int or type(ran) is not int or type(result) is not str:
                break
            if result not in self.known and not self.is_good(result):
                break
            said.popleft()
            self.succeeded(held.popleft(), began + shift, ran, result, now)
            self.take_written()
        if len(said) < count:
            self.full = False
            self.since = clock.monotonic()

    def succeeded(self, work: Work, began: int, ran: int, result: str, now: int) -> None:
        began, ran = believed(work.fed_on, began, ran, now)
        ended = began + ran
        if len(result) <= MOST_TOGETHER:
            self.owner.ends.append(end_text(work.sequence, work.claim, work.attempt, began, ended, ran, result))
            return
        verdict = outcome.Verdict(outcome.SUCCEEDED, result=result)
        self.owner.ended_quietly(work, began, outcome.message(verdict, ended_on=ended, run_time=ran))

    def is_good(self, result: str) -> bool:
        """Whether it is a JSON text that may be stored; short ones are known from then on."""
        try:
            check_json(result)
        except BadInput:
            return False
        if len(self.known) < MAX_KNOWN and len(result) <= MAX_KNOWN_LENGTH:
            self.known.add(result)
        return True

    def end(self, worker: Worker, work: Work, answer: Answer) -> None:
        """Record an end after which the worker goes on."""
        clock = self.owner.clock
        began, ran = believed(work.fed_on, answer.began + clocks.shift(clock), answer.ran, clock.now())
        reports, self.reports = self.reports, None
        log = LogWriter(self.owner.home, work.sequence, work.attempt, self.owner.clock.now)
        if answer.out:
            worker.output.log = log
            worker.output.drain()
            worker.output.log = None
            log.close()
        if answer.waits:
            worker.go_on()
        if reports is not None:
            reports.close()
        result = outcome.message(
            answer.verdict,
            ended_on=began + ran,
            run_time=ran,
            log_bytes=log.total or None,
            progress=reports.progress if reports is not None else None,
            stage=reports.stage if reports is not None else None,
        )
        self.owner.ended_quietly(work, began, result)

    def report(self, worker: Worker, said: Message) -> None:
        if self.reports is None:
            work = self.held[0]
            self.owner.tell(self.owner.note_begin(work, self.began(worker, work)))
            self.reports = Reports(self.owner, lambda: work.names)
        self.reports.take(said.get("progress"), said.get("stage"), said.get("message"))

    # The worker's end

    def lost(self) -> None:
        """It hung up: it has ended, or its callable closed what was not its own."""
        worker = self.owner.worker
        assert worker is not None
        self.put_back(self.take_back(worker))
        self.take_written()
        if self.held and not worker.begun.has(self.held[0].ordinal):
            self.put_back([self.held.popleft()])
        if self.held:
            self.take_over(worker).lost()

    def worker_ended(self, worker: Worker) -> None:
        """Its process is gone."""
        worker.look()
        if self.held:  # somebody else holds its end of the connection
            self.lost()
