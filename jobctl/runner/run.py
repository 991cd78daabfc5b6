"""One run from begin to end: its requests, its timeout, its reports, its outcome."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from jobctl.clock import MICROSECONDS, Clock
from jobctl.logs import LogWriter
from jobctl.runner import outcome
from jobctl.runner.loop import Loop, Timer
from jobctl.runner.outcome import Exit, Verdict
from jobctl.runner.protocol import Message
from jobctl.runner.report import Reports
from jobctl.runner.spawn import SpawnFailed
from jobctl.runner.task import Task
from jobctl.runner.tree import Ending, Pausing
from jobctl.runner.work import Work

LEFTOVER_GRACE: Final = 0.5
TOLD_AFTER: Final = 0.01
"""Seconds after which a begin is told by itself, and not only with the end."""


class Host(Protocol):
    """What a run needs of its runner."""

    home: str
    runner: str
    loop: Loop
    clock: Clock

    def send(self, message: Message) -> None: ...

    def tell(self, encoded: bytes) -> None: ...

    def is_crowded(self) -> bool: ...

    def reap(self) -> None: ...

    def start_task(self, run: Run, environment: dict[str, str]) -> Task: ...

    def begin_again(self, run: Run) -> None: ...

    def ended(self, run: Run, result: Message) -> None: ...


class Run:
    def __init__(self, host: Host, work: Work, began: int | None = None) -> None:
        """A run that begins now, or began at an instant shortly ago."""
        self.host = host
        self.loop = host.loop
        self.work = work
        self.claim = work.claim
        now = host.clock.now()
        self.began = now if began is None else began
        self.ran = max(0, now - self.began) / MICROSECONDS
        self.running_since: float | None = host.clock.monotonic()
        self.log = LogWriter(host.home, work.sequence, work.attempt, host.clock.now)
        self.reports = Reports(host, self._names_once_told)
        self.begin_text: bytes | None = None
        """The record of its begin, until it is told."""
        self.telling: Timer | None = None
        self.data_file: str | None = None
        self.task: Task | None = None
        self.timeout: Timer | None = None
        self.pausing: Pausing | None = None
        self.ending: Ending | None = None
        self.verdict: Verdict | None = None
        self.doom: Callable[[Exit], Verdict] | None = None
        """The verdict once it was decided to end the run."""
        self.canceling = False

    def begin(self) -> None:
        """Start the task. Raises SpawnPostponed; what cannot be started at all ends as failed."""
        try:
            self.task = self.host.start_task(self, self._environment())
        except SpawnFailed as error:
            self.verdict = outcome.failed("spawn", str(error))
            self._finish()
            return
        except BaseException:
            self._remove_data_file()
            raise
        self._take_up()

    def take_over(self, task: Task) -> None:
        """Go on with a task that was begun without it."""
        self.task = task
        self._take_up()

    def go_on_reporting(self, reports: Reports) -> None:
        """Its begin was told before it became a Run, and something it said."""
        reports.names = self._names_once_told
        self.reports = reports

    def tell_begin(self) -> None:
        """Let the daemon know that it has begun; once."""
        self._stop_telling()
        if self.begin_text is not None:
            self.host.tell(self.begin_text)
            self.begin_text = None

    def _take_up(self) -> None:
        assert self.task is not None
        self.task.output.log = self.log
        self.task.output.watch()
        self._arm_timeout()
        self.telling = self.loop.call_later(max(0.0, TOLD_AFTER - self.ran), self.tell_begin)

    def begin_again(self) -> None:
        """Its warm worker died before it took the run up: nothing has happened yet, so a fresh one gets it."""
        assert self.task is not None
        self._disarm_timeout()
        self._stop_telling()
        self.task.output.log = None
        self.task.close()
        self.task = None
        self.host.begin_again(self)

    @property
    def paused(self) -> bool:
        return self.running_since is None

    @property
    def names(self) -> Message:
        """The keys by which every message about it is known."""
        return {"sequence": self.work.sequence, "claim": self.claim}

    def _names_once_told(self) -> Message:
        """The same for what makes sense only after its begin."""
        self.tell_begin()
        return self.names

    def describe(self) -> Message:
        """What a daemon that connects wants to know."""
        return {
            **self.names,
            "attempt": self.work.attempt,
            "began": self.began,
            "run_time": self.run_time,
            "paused": self.paused,
            "pausing": self.pausing is not None,
            "canceling": self.canceling,
        }

    # Requests

    def pause(self) -> None:
        if self.paused:
            self._say_paused()
        elif self.task and self.pausing is None and self.ending is None and self.verdict is None:
            self.task.tainted = True
            self.pausing = Pausing(self.loop, self.task.tree, self._stopped)
            self.pausing.step()

    def resume(self, claim: int) -> None:
        """Go on, under a new claim."""
        self.claim = claim
        if self.task and self.ending is None and (self.paused or self.pausing):
            self._stop_pausing()
            self._count_time()
            self.task.tree.resume()
            self._arm_timeout()

    def cancel(self, reason: str) -> None:
        """End the run as canceled, unless it has ended by itself; wins over a timeout in progress."""
        self._look()
        if self.verdict is None or self.doom is not None:
            self.canceling = True
            self._end(lambda exited: outcome.of_cancel(reason, exited))

    def abandon(self) -> None:
        """End a canceled run that never began."""
        self._finish()

    # Events

    def settle(self, verdict: Verdict, *, gone: bool) -> None:
        """The task ended by itself; what it left behind must end before the run does."""
        if self.verdict is not None or self.task is None:
            return
        self.verdict = verdict
        patience = 0.0 if self.paused or self.pausing else self.task.patience
        self._stop_pausing()
        self._disarm_timeout()
        if gone or self.task.tree.is_gone():
            self._finish()
        elif self.ending is None:
            self.ending = Ending(self.loop, self.task.tree, patience, LEFTOVER_GRACE, self._stuck)

    def children_ended(self) -> None:
        """Some process below the runner ended."""
        if self.task and self.ending is not None and self.task.tree.is_gone():
            self._finish()

    # Steps

    def _end(self, doom: Callable[[Exit], Verdict]) -> None:
        self.doom = doom
        if self.task is None or self.ending is not None:
            return
        self.task.tainted = True
        self._stop_pausing()
        self._count_time()
        self._disarm_timeout()
        self.ending = Ending(self.loop, self.task.tree, 0.0, self.work.definition.grace, self._stuck)
        self.children_ended()

    def _timed_out(self) -> None:
        self.timeout = None
        self._look()
        if self.verdict is None:
            self._end(lambda exited: outcome.of_timeout(self.work.definition.timeout, exited))

    def _look(self) -> None:
        """What has ended before a signal is sent keeps its own result."""
        if self.task is not None:
            self.task.look()
            self.host.reap()

    def _stopped(self) -> None:
        self.pausing = None
        self._disarm_timeout()
        self.ran = self._run_time()
        self.running_since = None
        self._say_paused()

    def _stuck(self, processes: int) -> None:
        self.host.send({"k": "stuck", **self._names_once_told(), "processes": processes})

    def _say_paused(self) -> None:
        self.host.send({"k": "paused", **self._names_once_told(), "run_time": self.run_time})

    def _stop_telling(self) -> None:
        if self.telling is not None:
            self.telling.cancel()
            self.telling = None

    def _finish(self) -> None:
        self._stop_telling()
        if self.ending is not None:
            self.ending.cancel()
        self._stop_pausing()
        exited = outcome.UNKNOWN
        ended = 0
        if self.task is not None:
            self.task.output.drain()
            self.task.output.log = None
            self.task.close()
            exited = self.task.exit
            ended = self.ending.ended if self.ending is not None else 0
        self.log.close()
        self._remove_data_file()
        self.reports.close()
        if self.doom is not None:
            self.verdict = self.doom(exited)
        elif self.verdict is not None:
            self.verdict = outcome.with_leftovers(self.verdict, ended)
        assert self.verdict is not None
        self.host.ended(self, self._outcome(self.verdict))

    def _outcome(self, verdict: Verdict) -> Message:
        return outcome.message(
            verdict,
            ended_on=self.host.clock.now(),
            run_time=self.run_time,
            log_bytes=self.log.total or None,
            progress=self.reports.progress,
            stage=self.reports.stage,
        )

    # Time

    @property
    def run_time(self) -> int:
        """Microseconds, without the time it stood paused."""
        return round(self._run_time() * MICROSECONDS)

    def _run_time(self) -> float:
        if self.running_since is None:
            return self.ran
        return self.ran + self.host.clock.monotonic() - self.running_since

    def _count_time(self) -> None:
        if self.running_since is None:
            self.running_since = self.host.clock.monotonic()

    def _arm_timeout(self) -> None:
        timeout = self.work.definition.timeout
        if timeout is not None and self.timeout is None:
            self.timeout = self.loop.call_later(timeout - self._run_time(), self._timed_out)

    def _disarm_timeout(self) -> None:
        if self.timeout is not None:
            self.timeout.cancel()
            self.timeout = None

    def _stop_pausing(self) -> None:
        if self.pausing is not None:
            self.pausing.cancel()
            self.pausing = None

    # Environment

    def _environment(self) -> dict[str, str]:
        environment = {**self.work.definition.environment, **self.work.variables()}
        data = self.work.data
        if data is None:
            return environment
        if not self.work.has_large_data:
            environment["JOBCTL_DATA"] = data
        else:
            self.data_file = os.path.join(self.host.home, "run", f"{self.work.sequence}.{self.claim}.data")
            environment["JOBCTL_DATA_FILE"] = self.data_file
            write_private(self.data_file, data.encode("utf-8", "surrogatepass"))
        return environment

    def _remove_data_file(self) -> None:
        if self.data_file is not None:
            with suppress(FileNotFoundError):
                os.unlink(self.data_file)


def write_private(path: str, content: bytes) -> None:
    """Write a file only its owner can read. Raises SpawnFailed."""
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(content)
    except OSError as error:
        raise SpawnFailed(f"cannot write the data file {path}: {error.strerror}") from None
