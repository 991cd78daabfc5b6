"""How jobctl and its jobs are, graded as monitoring systems do; asked without a daemon, and changing nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from jobctl import alarms, control, presence
from jobctl.alarms import Alarm, words
from jobctl.clock import MICROSECONDS
from jobctl.config import Config
from jobctl.doctor.work import silence
from jobctl.model import Job, Status, SystemJob
from jobctl.output.text import local
from jobctl.store import Store
from jobctl.targets import shown

RUNS: Final = 20
"""How many of a job's last runs are looked at."""


class Level(IntEnum):
    """What a monitoring plugin exits with."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


@dataclass(frozen=True, slots=True)
class Measure:
    """What is counted or timed, and from which value on it is a warning, or critical; None: never."""

    warning: float | None = None
    critical: float | None = None
    timed: bool = False
    """In seconds, not in numbers."""

    def grade(self, value: float) -> Level:
        for level, limit in ((Level.CRITICAL, self.critical), (Level.WARNING, self.warning)):
            if limit is not None and value >= limit:
                return level
        return Level.OK


MEASURES: Final[Mapping[str, Measure]] = {
    "failed": Measure(critical=1),
    "overdue": Measure(critical=1),
    "held": Measure(critical=1),
    "stuck": Measure(critical=1),
    "missed": Measure(warning=1),
    "untold": Measure(warning=1),
    "ready": Measure(),
    "waiting": Measure(timed=True),
    "longest": Measure(timed=True),
}
"""In the order in which a person wants to hear of them."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something a person should hear of. Instants are microseconds UTC."""

    kind: str
    text: str
    job: str | None = None
    sequence: int | None = None
    since: int | None = None


@dataclass(slots=True)
class Health:
    """What was found."""

    now: int
    measures: Mapping[str, Measure]
    jobs: int = 0
    running: int = 0
    daemon: bool = False
    values: dict[str, float] = field(default_factory=dict)
    """By the names of the measures; what is timed is in seconds."""
    problems: list[Problem] = field(default_factory=list)

    def level_of(self, kind: str) -> Level:
        return Level.CRITICAL if kind == "daemon" else self.measures[kind].grade(self.values[kind])

    @property
    def level(self) -> Level:
        return max((self.level_of(problem.kind) for problem in self.problems), default=Level.OK)


def examine(config: Config, store: Store, names: Sequence[str], measures: Mapping[str, Measure]) -> Health:
    """How everything is, or the jobs named. Raises JobNotFound."""
    with store.snapshot():
        found = Health(store.clock.now(), measures)
        jobs = [store.job(name) for name in dict.fromkeys(names)] if names else store.jobs()
        found.jobs = len(jobs)
        found.daemon = control.daemon_running(config)
        _load(config, store, found)
        wanted = {job.id for job in jobs} if names else None
        for look in (_failed, _overdue, _held, _stuck, _missed):
            found.problems += look(store, jobs, wanted, found.now)
        if not names:
            found.problems += _untold(store)
        kinds = Counter(problem.kind for problem in found.problems)
        found.values = {kind: kinds[kind] for kind in MEASURES} | found.values
        return found


# The daemon, and what waits for it


def _load(config: Config, store: Store, found: Health) -> None:
    ((found.running, began, ready, ready_since, work),) = store.database.run("load")
    waited, longest = (max(0, found.now - (since or found.now)) for since in (ready_since, began))
    found.values |= {"ready": ready, "waiting": waited / MICROSECONDS, "longest": longest / MICROSECONDS}
    if not found.daemon and work:
        found.problems.append(_absent(config, store, found.now, ready))
    elif found.daemon:
        found.problems += _silent(config, found.now)
    for kind, number, text in (
        ("ready", ready, f"{ready} {'waits' if ready == 1 else 'wait'} for a slot"),
        ("waiting", ready, f"one has waited for a slot for {words(waited)}; jobctl monitor --state ready"),
        ("longest", found.running, f"one has been running for {words(longest)}; jobctl monitor --state locked"),
    ):
        if number and found.measures[kind].grade(found.values[kind]):
            found.problems.append(Problem(kind, text))


def _absent(config: Config, store: Store, now: int, ready: int) -> Problem:
    """No daemon, though there is work for one: since it stopped, or was last seen."""
    row = store.daemon()
    since = None
    if row is not None:
        since = row.stopped_on or max(row.started_on, presence.last_seen(config) or 0)
    absent = "no daemon has ever run" if since is None else f"no daemon for {words(now - since)}"
    work = [f"{ready} ready"] if ready else []
    ((due,),) = store.database.run("next_due")
    if due is not None:
        work.append(f"one due {f'in {words(due - now)}' if due > now else f'for {words(now - due)}'}")
    waits = f" ({', '.join(work)})" if work else ""
    return Problem("daemon", f"{absent}{waits}; start: jobctl daemon", since=since)


def _silent(config: Config, now: int) -> Iterator[Problem]:
    """A daemon that holds the home and does nothing."""
    silent = silence(config, now)
    if silent is not None:
        yield Problem("daemon", silent, since=presence.last_seen(config))


# Jobs

Look = Callable[[Store, Sequence[Job], "set[int] | None", int], Iterator[Problem]]


def _alarm(store: Store, job: Job) -> Alarm:
    ((_, _, *columns),) = store.database.run("alarm", {"job_id": job.id})
    return Alarm(*columns)


def _failed(store: Store, jobs: Sequence[Job], wanted: set[int] | None, now: int) -> Iterator[Problem]:
    """Jobs whose last run failed."""
    for job in jobs:
        runs = store.database.run("recent_runs", {"job_id": job.id, "limit": RUNS})
        if not runs or runs[0][1] != Status.FAILED:
            continue
        sequence, _, at = runs[0]
        if at <= (_alarm(store, job).succeeded_on or 0):  # that success is not kept in history
            continue
        streak = next((index for index, run in enumerate(runs) if run[1] != Status.FAILED), len(runs))
        row = store.system_job(sequence)
        times = "" if streak == 1 else f", {streak}{' or more' if streak == RUNS else ''} times in a row"
        text = f"{job.name} failed{times}: {row.message or row.reason}; jobctl logs {sequence}"
        yield Problem("failed", text, job.name, sequence, runs[streak - 1][2])


def _overdue(store: Store, jobs: Sequence[Job], wanted: set[int] | None, now: int) -> Iterator[Problem]:
    by_id = {job.id: job for job in jobs}
    for (job_id,) in store.database.run("overdue_jobs", {"now": now}):
        if job_id in by_id:
            job = by_id[job_id]
            alarm, expect = _alarm(store, job), job.version.definition.expect
            yield Problem(
                "overdue", alarms.overdue_words(job.name, expect, alarm, now), job.name, since=alarm.expected_by
            )


def _held(store: Store, jobs: Sequence[Job], wanted: set[int] | None, now: int) -> Iterator[Problem]:
    for row in _rows(store, "held", wanted):
        text = f"{row.name} waits for a person: {row.message or 'held'}; jobctl resume {row.sequence}"
        yield Problem("held", text, row.job, row.sequence, row.modified_on)


def _stuck(store: Store, jobs: Sequence[Job], wanted: set[int] | None, now: int) -> Iterator[Problem]:
    for row in _rows(store, "stuck", wanted):
        yield Problem("stuck", f"{row.name} is {row.message}", row.job, row.sequence, row.modified_on)


def _rows(store: Store, name: str, wanted: set[int] | None) -> Iterator[SystemJob]:
    rows = (store.system_job(sequence) for (sequence,) in sorted(store.database.run(name)))
    return (row for row in rows if wanted is None or row.job_id in wanted)


def _missed(store: Store, jobs: Sequence[Job], wanted: set[int] | None, now: int) -> Iterator[Problem]:
    """Jobs with occurrences that were not run, missed or too late, since their last success."""
    for job in jobs:
        runs = store.database.run("recent_runs", {"job_id": job.id, "limit": RUNS})
        good = next((at for _, status, at in runs if status == Status.SUCCEEDED), 0)
        since = max(good, _alarm(store, job).succeeded_on or 0)
        rows = store.database.run("not_run", {"job_id": job.id, "since": since})
        if rows:
            number = sum(dropped for _, dropped in rows)
            row = store.system_job(rows[0][0])
            text = f"{job.name}: {number} occurrence{'s' * (number != 1)} not run since its last success"
            text += f", the last one {row.reason}; jobctl show {row.sequence}"
            yield Problem("missed", text, job.name, row.sequence, row.completed_on)


def _untold(store: Store) -> Iterator[Problem]:
    """Those who could not be told the last time."""
    job_id = store.job_id(alarms.NOTIFICATIONS)
    seen: set[tuple[str, ...]] = set()
    rows = [] if job_id is None else store.database.run("told", {"job_id": job_id})
    for sequence, version_id, status in rows:
        target = store.job_version(version_id).definition.notify
        if target not in seen and status == Status.FAILED:
            row = store.system_job(sequence)
            text = f"{shown(target[0])} could not be told ({row.name.removeprefix('notify: ')}); jobctl logs {sequence}"
            yield Problem("untold", text, None, sequence, row.completed_on)
        seen.add(target)


# In words


def headline(found: Health) -> str:
    """What there is to say in one line: `2 of 12 jobs failed: backup, sync`."""
    jobs = f"{found.jobs} job{'s' * (found.jobs != 1)}"
    worst = [problem for problem in found.problems if found.level_of(problem.kind)]
    if not worst:
        daemon = "a daemon is running" if found.daemon else "nothing to do for a daemon"
        return f"{jobs}, 0 failed, 0 overdue, {daemon}"
    parts = []
    for kind in ("daemon", *MEASURES):
        of_kind = [problem for problem in worst if problem.kind == kind]
        named = list(dict.fromkeys(problem.job for problem in of_kind if problem.job is not None))
        if named:
            more = f" and {len(named) - 3} more" if len(named) > 3 else ""
            parts.append(f"{len(of_kind)} {kind}: {', '.join(named[:3])}{more}")
        elif of_kind:
            parts.append(of_kind[0].text.partition(";")[0].partition(" (")[0])
    return f"{'; '.join(parts)} ({jobs})"


def detail(found: Health, problem: Problem) -> str:
    """The problem with its level and since when it lasts."""
    since = "" if problem.since is None else f" (since {local(problem.since)})"
    return f"{found.level_of(problem.kind).name}: {problem.text}{since}"


def performance_data(found: Health) -> str:
    """The figures as monitoring plugins give them: `failed=0 waiting=1.5s`."""
    figures = [f"jobs={found.jobs}", f"daemon={int(found.daemon)}", f"running={found.running}"]
    for kind, measure in MEASURES.items():
        value = found.values[kind]
        figures.append(f"{kind}={value:.1f}s" if measure.timed else f"{kind}={value:.0f}")
    return " ".join(figures)
