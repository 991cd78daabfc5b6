"""The ordinary end of a run, written many at a time: it succeeded, and nothing else follows from that."""

from __future__ import annotations

import logging
from collections import defaultdict
from typing import Any, Final

from jobctl import alarms
from jobctl.assignment import Runner
from jobctl.clock import MICROSECONDS
from jobctl.fleet import Message
from jobctl.model import Status
from jobctl.store import Transaction

log = logging.getLogger("jobctl")

NAMED: Final = 5
"""Successes of one job in one transaction that are named one by one in the daemon's log."""
NO_RESULT: Final = "null"
"""The result of a callable that returns None; it is shown as what has none."""


class Successes:
    """Collects the ends of one transaction. What turns out not to be ordinary takes the longer way."""

    def __init__(self) -> None:
        self.ends: dict[int, tuple[Runner, Message]] = {}
        self.written: list[tuple[Runner, int, float]] = []
        """Runner, system job, seconds it ran."""
        self._no_news: dict[int, bool] = {}

    def add(self, tx: Transaction, runner: Runner, message: Message) -> bool:
        """Take it in if it may be an ordinary end."""
        if message.get("k") != "end" or message["outcome"]["status"] != Status.SUCCEEDED or "at" not in message:
            return False
        sequence = message["sequence"]
        given = runner.given.get(sequence)
        if given is None or not given.version or sequence in self.ends or not self._is_no_news(tx, given.version):
            return False
        self.ends[sequence] = runner, message
        return True

    def write(self, tx: Transaction) -> list[tuple[Runner, Message]]:
        """Store what was collected; those that were not ordinary after all."""
        if not self.ends:
            self._no_news.clear()  # what comes next may change who has to be told
            return []
        ends, self.ends = self.ends, {}
        stamp = tx.stamp
        rows = [parameters(runner, message, stamp) for runner, message in ends.values()]
        done = [ends.pop(sequence) for (sequence,) in tx.database.run_many("succeed", rows)]
        results = [(message["sequence"], message["outcome"].get("result")) for _, message in done]
        tx.save_results((sequence, result) for sequence, result in results if result not in (None, NO_RESULT))
        self._log(tx, done)
        self._no_news.clear()
        return list(ends.values())

    def _is_no_news(self, tx: Transaction, version: int) -> bool:
        found = self._no_news.get(version)
        if found is None:
            found = self._no_news[version] = alarms.success_is_no_news(tx, tx.job_version(version).job_id)
        return found

    def _log(self, tx: Transaction, done: list[tuple[Runner, Message]]) -> None:
        by_job: defaultdict[str, list[int]] = defaultdict(list)
        for runner, message in done:
            sequence = message["sequence"]
            by_job[tx.job_version(runner.given[sequence].version).job].append(sequence)
            run_time = message["outcome"].get("run_time", 0) / MICROSECONDS
            self.written.append((runner, sequence, run_time))
        for job, sequences in by_job.items():
            if len(sequences) <= NAMED:
                for sequence in sequences:
                    log.info("#%d %s succeeded", sequence, job)
            else:
                log.info("%d of %s succeeded: #%d to #%d", len(sequences), job, min(sequences), max(sequences))


def parameters(runner: Runner, message: Message, stamp: dict[str, int]) -> dict[str, Any]:
    """As the statement takes them."""
    outcome = message["outcome"]
    return {
        "sequence": message["sequence"],
        "claim": message["claim"],
        "attempt": message["attempt"],
        "at": message["at"],
        "runner_id": runner.id,
        "ended_on": outcome.get("ended_on") or stamp["now"],
        "run_time": outcome.get("run_time", 0),
        "exit_code": outcome.get("exit_code"),
        "message": outcome.get("message"),
        "log_bytes": outcome.get("log_bytes", 0),
        "progress": outcome.get("progress"),
        "stage": outcome.get("stage"),
        **stamp,
    }
