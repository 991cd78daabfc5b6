"""The state machine that Hypothesis drives: any operation, on any system job, in any order."""

from __future__ import annotations

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.store.driver import REPORTS, REQUESTS, Asked, Driver
from tests.store.expected import MINUTE, Terms
from tests.store.world import Template

TERMS = st.builds(
    Terms,
    token=st.sampled_from([None, "ledger", "ledger", "disk"]),
    priority=st.sampled_from([0, 0, 5]),
    retries=st.sampled_from([0, 1, 2]),
    delay=st.sampled_from([0.0, 90.0, 40_000.0]),
    backoff=st.sampled_from([1.0, 2.0]),
    on_lost=st.sampled_from(["fail", "retry", "retry"]),
)
NAMES = ("alpha", "beta", "gamma")
PICK = st.integers(0, 1000)
PLANS: st.SearchStrategy[Asked] = st.one_of(
    st.tuples(
        st.just("every"),
        st.sampled_from([2, 10, 60]),
        st.sampled_from([None, -30, 1, 5]),
        st.sampled_from([None, None, -1, 25]),
    ),
    st.tuples(st.just("once"), st.sampled_from([-5, 0, 3, 40]), st.none(), st.none()),
)
NATURAL = {
    "ready": ("claim",),
    "ready+process": ("claim",),
    "paused": ("resume",),
    "paused+process": ("resume", "cancel", "lose"),
    "held": ("resume",),
    "canceling+process": ("stop with the daemon",),
    "in_progress": ("begin", "begin", "pause", "cancel", "hand back"),
    "in_progress+begun": ("end well", "fail", "lose", "pause", "postpone"),
    "pausing": ("hand back", "begin"),
    "pausing+begun": ("stand still",),
    "canceling": ("hand back", "begin"),
    "canceling+begun": ("end well", "fail"),
}
STEPS = st.sampled_from([0, 1, 2, 3, 5, 10, 31, 60, 200, -2, -45])


class LifeOfSystemJobs(RuleBasedStateMachine):
    """One home. `reached` gathers over all examples which operation met which state."""

    reached: Counter[tuple[str, str]] = Counter()
    template: Template
    driver: Driver

    @initialize(terms=TERMS)
    def open(self, terms: Terms) -> None:
        self.driver = Driver(self.template.world(), type(self).reached)
        self.driver.add(NAMES[0], terms)

    def teardown(self) -> None:
        if hasattr(self, "driver"):
            self.template.discard(self.driver.world)

    def name(self, pick: int) -> str:
        names = list(self.driver.books.jobs)
        return names[pick % len(names)]

    def pick(self, which: int, label: int) -> int:
        """A system job: first one of the states that are present, then one in that state."""
        rows = self.driver.books.rows.values()
        labels = sorted({row.label for row in rows})
        fitting = [row.sequence for row in rows if row.label == labels[label % len(labels)]]
        return fitting[which % len(fitting)]

    def has_jobs(self) -> bool:
        return bool(self.driver.books.jobs)

    def has_system_jobs(self) -> bool:
        return bool(self.driver.books.rows)

    # Jobs and schedules

    @rule(name=st.sampled_from(NAMES), terms=TERMS)
    def add(self, name: str, terms: Terms) -> None:
        self.driver.add(name, terms)

    @precondition(has_jobs)
    @rule(pick=PICK, request=st.sampled_from(("edit", "again", "unschedule", "edit", "again", "remove")), terms=TERMS)
    def job(self, pick: int, request: str, terms: Terms) -> None:
        name = self.name(pick)
        if request == "edit":
            self.driver.edit(name, terms)
        elif request == "again":
            self.driver.reschedule(name)
        else:
            getattr(self.driver, request)(name)

    @precondition(has_jobs)
    @rule(pick=PICK, again=st.booleans(), asked=PLANS, count=st.sampled_from([None, None, 1, 2]))
    def plan(self, pick: int, again: bool, asked: Asked, count: int | None) -> None:
        now, (kind, number, start, end) = self.driver.books.now, asked
        first = number * MINUTE if kind == "every" else now + number * MINUTE
        starts, ends = (None if minutes is None else now + minutes * MINUTE for minutes in (start, end))
        act = self.driver.reschedule if again else self.driver.schedule
        act(self.name(pick), (kind, first, starts, ends), count)

    @precondition(has_jobs)
    @rule(pick=PICK, delay=st.sampled_from([None, None, 4, 30]))
    def submit(self, pick: int, delay: int | None) -> None:
        at = None if delay is None else self.driver.books.now + delay * MINUTE
        self.driver.submit(self.name(pick), at)

    # Time and the daemon

    @rule(minutes=STEPS, turn=st.sampled_from([True, True, False]))
    def clock(self, minutes: int, turn: bool) -> None:
        self.driver.tick(minutes * MINUTE)
        if turn:
            self.driver.promote()

    @precondition(has_jobs)
    @rule(pick=PICK, times=st.integers(1, 3), late=st.sampled_from([0, 0, 1, 35]))
    def comes_round(self, pick: int, times: int, late: int) -> None:
        """The schedule of a job, made if there is none, falls due."""
        for _ in range(times):
            job = self.driver.books.jobs[self.name(pick)]
            if job.plan is None or not job.plan.active:
                self.driver.schedule(job.name, ("every", 10 * MINUTE, None, None))
            for row in self.driver.books.pending(job):
                self.driver.tick(row.due - self.driver.books.now + late * MINUTE)
            self.driver.promote()

    @rule(begins=st.booleans())
    def claim(self, begins: bool) -> None:
        taken = self.driver.claim()
        if taken is not None and begins:
            self.driver.operate("begin", taken)

    # System jobs

    @precondition(has_system_jobs)
    @rule(which=PICK, label=PICK, operation=st.sampled_from(REQUESTS), delay=st.sampled_from([-1, 1, 7, 90]))
    def request(self, which: int, label: int, operation: str, delay: int) -> None:
        self.driver.operate(operation, self.pick(which, label), delay * MINUTE)

    @precondition(has_system_jobs)
    @rule(which=PICK, label=PICK, operation=st.sampled_from((*REPORTS, "promote when due")))
    def report(self, which: int, label: int, operation: str) -> None:
        self.driver.operate(operation, self.pick(which, label))

    @precondition(has_system_jobs)
    @rule(which=PICK, label=PICK, end=st.sampled_from(["lose", "lose", "fail"]), times=st.integers(1, 4))
    def goes_wrong(self, which: int, label: int, end: str, times: int) -> None:
        """It is begun and ends badly, again and again."""
        sequence = self.pick(which, label)
        for operation in ("promote when due", "claim", "begin", end) * times:
            if sequence in self.driver.books.rows:
                self.driver.operate(operation, sequence)

    @precondition(has_system_jobs)
    @rule(
        which=PICK,
        label=PICK,
        wishes=st.lists(st.sampled_from(("pause", "postpone", "postpone")), min_size=1, max_size=2),
        end=st.sampled_from(("hand back", "stand still", "stand still", "fail", "lose")),
        back=st.sampled_from([0, 0, -45]),
        then=st.lists(st.sampled_from((*REQUESTS, "fail", "promote when due")), max_size=2),
    )
    def stands(self, which: int, label: int, wishes: list[str], end: str, back: int, then: list[str]) -> None:
        """It is to pause while it runs, perhaps after the clock was set back; then other things are asked of it."""
        sequence = self.pick(which, label)
        begins = () if end == "hand back" else ("begin",)
        for operation in ("promote when due", "claim", *begins):
            if sequence in self.driver.books.rows:
                self.driver.operate(operation, sequence)
        self.driver.tick(back * MINUTE)
        for operation in (*wishes, end, *then):
            if sequence in self.driver.books.rows:
                self.driver.operate(operation, sequence)

    @precondition(has_system_jobs)
    @rule(which=PICK, label=PICK, ways=st.lists(st.integers(0, 4), min_size=1, max_size=8))
    def lives_on(self, which: int, label: int, ways: list[int]) -> None:
        """What comes next of itself for one system job, several times over."""
        sequence = self.pick(which, label)
        for way in ways:
            row = self.driver.books.rows.get(sequence)
            if row is None or row.state == "completed":
                return
            operations = NATURAL.get(row.label, ("promote when due",))
            self.driver.operate(operations[way % len(operations)], sequence)
