"""What runners report, written down under the fence, and what the daemon has to do once it is committed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from jobctl import logs, outcomes
from jobctl.assignment import Assignment, Runner
from jobctl.clock import MICROSECONDS
from jobctl.database import Row
from jobctl.fleet import Fleet, Message
from jobctl.model import NOT_STARTED, Outcome, Reason, State, Status, SystemJob
from jobctl.pace import Pace
from jobctl.rows import system_job_from
from jobctl.runner.protocol import End
from jobctl.store import Transaction
from jobctl.successes import Successes

log = logging.getLogger("jobctl")


class Recorder:
    """Applies messages inside one transaction; `settled` then makes memory agree with what was committed."""

    def __init__(self, fleet: Fleet, paces: Pace | None = None) -> None:
        self.fleet = fleet
        self.paces = paces if paces is not None else Pace()
        self.after: list[Callable[[], object]] = []
        self.if_failed: list[Callable[[], object]] = []
        self.seen: dict[Runner, int] = {}
        self.successes = Successes()
        self.released: dict[Runner, dict[int, Assignment]] = {}
        """What is over for its runner by this transaction, which may claim for it at once."""
        self.should_wait = False
        """Something could not be started for a passing cause: claiming should wait a little."""

    def apply(self, tx: Transaction, runner: Runner, message: Message) -> None:
        """Unknown kinds are ignored: a runner of another version may say more."""
        if others := self.successes.add(tx, runner, message):
            self.finish(tx)
            for other in others:
                handler = getattr(self, f"_on_{other.get('k')}", None)
                if handler is not None:
                    handler(tx, runner, other)
        if number := message.get("n"):
            self.seen[runner] = max(number, self.seen.get(runner, 0))

    def finish(self, tx: Transaction) -> None:
        """To be called when all messages were applied: ordinary ends are written many at a time."""
        for runner, message in self.successes.write(tx):
            self._on_end(tx, runner, message)
        written, self.successes.written = self.successes.written, []
        for runner, ends in written:
            self._make_room(runner, ends)

    def _make_room(self, runner: Runner, ends: list[End]) -> None:
        """What is stored makes room at once, so that what follows is claimed in the same transaction."""
        given, cold, measured = runner.given, self.successes.cold, self.paces.measured
        ended: dict[int, Assignment] = {}
        for end in ends:
            sequence = end[0]
            one = ended[sequence] = given.pop(sequence)
            if sequence not in cold:
                measured(one.version, end[5] / MICROSECONDS)
        self.released.setdefault(runner, {}).update(ended)

    def settled(self) -> None:
        """To be called once the transaction is committed; runners are told by `Fleet.acknowledge`."""
        for action in self.after:
            action()
        for runner, number in self.seen.items():
            runner.applied = max(runner.applied, number)

    def rolled_back(self) -> None:
        """To be called if the transaction failed."""
        for runner, released in self.released.items():
            runner.given = {**released, **runner.given}
        for action in self.if_failed:
            action()

    def _measured(self, given: Assignment | None, seconds: float) -> None:
        if given is not None and given.version:
            self.paces.measured(given.version, seconds)

    def _released(self, runner: Runner, sequence: int) -> Assignment | None:
        """Take it out of the runner's hands; what it was there."""
        given = runner.given.pop(sequence, None)
        if given is not None:
            self.released.setdefault(runner, {})[sequence] = given
        return given

    def _of_attempt(self, tx: Transaction, runner: Runner, message: Message) -> SystemJob | None:
        parameters = {
            "sequence": message["sequence"],
            "runner_id": runner.id,
            "claim": message["claim"],
            "attempt": message.get("attempt", 0),
        }
        rows = tx.database.run("of_attempt", parameters)
        return system_job_from(rows[0]) if rows else None

    # Messages

    def _on_hello(self, tx: Transaction, runner: Runner, message: Message) -> None:
        for record in message.get("records", ()):
            self.apply(tx, runner, record)
        self.finish(tx)
        tx.database.run("take_over_runner", {"id": runner.id, "daemon_id": self.fleet.generation})
        self._reconcile(tx, runner, message.get("current"), message.get("queued", []))
        self.after.append(lambda: setattr(runner, "greeted", True))

    def _on_begin(self, tx: Transaction, runner: Runner, message: Message) -> None:
        sequence = message["sequence"]
        for (name,) in self._record_begin(tx, runner, message):
            again = f", attempt {message['attempt']}" if message["attempt"] > 1 else ""
            log.info("#%d %s started%s", sequence, name, again)
        cold = message.get("cold", False)
        self.after.append(lambda: self._begun(runner, sequence, cold))

    def _record_begin(self, tx: Transaction, runner: Runner, message: Message) -> list[Row]:
        parameters = {name: message[name] for name in ("sequence", "claim", "attempt", "at")}
        return tx.database.run("record_begin", {**parameters, **tx.stamp, "runner_id": runner.id})

    def _begun(self, runner: Runner, sequence: int, cold: bool) -> None:
        """It takes its time: whoever was handed ahead behind it need not wait for that."""
        given = runner.given.get(sequence)
        if given is None:
            return
        given.began = True
        if given.version and not cold:
            self.paces.is_slow(given.version)
        if runner.unbegun and not runner.recalled:
            self.fleet.recall(runner, [one.sequence for one in runner.unbegun])

    def _on_end(self, tx: Transaction, runner: Runner, message: Message) -> None:
        if "at" in message:  # the begin, where nothing told of it before
            self._record_begin(tx, runner, message)
        row = self._of_attempt(tx, runner, message)
        given = self._released(runner, message["sequence"])
        if row is None:
            log.debug("#%d: a late report of claim %d changes nothing", message["sequence"], message["claim"])
            return
        outcome = outcome_from(message["outcome"])
        if given is not None and not message.get("cold"):
            self.after.append(lambda: self._measured(given, outcome.run_time / MICROSECONDS))
        self.end(tx, row, outcome)

    def end(self, tx: Transaction, row: SystemJob, outcome: Outcome) -> None:
        """An attempt is over: what becomes of its system job."""
        ended = outcomes.settle(tx, row, outcome)
        if ended is None:
            self._delete_logs(row.sequence)
            log.info("#%d %s deleted", row.sequence, row.job)
            return
        words = ended.status.label if ended.state is State.COMPLETED else f"{ended.state.label}/{ended.reason}"
        level = logging.WARNING if ended.status is Status.FAILED else logging.INFO
        log.log(level, "#%d %s %s%s", row.sequence, row.job, words, f": {outcome.message}" if outcome.message else "")

    def _on_unbegun(self, tx: Transaction, runner: Runner, message: Message) -> None:
        row = self._of_attempt(tx, runner, message)
        self._released(runner, message["sequence"])
        if row is not None:
            attempt = row.attempt - (row.started_on is not None)
            words = f"{NOT_STARTED}{message.get('message')}"
            self._hand_back(tx, replace(row, started_on=None, attempt=attempt, message=words))
            log.warning("#%d %s", row.sequence, words)
            self.should_wait = True

    def _on_returned(self, tx: Transaction, runner: Runner, message: Message) -> None:
        self.after.append(lambda: setattr(runner, "recalled", False))
        for sequence in message["sequences"]:
            row = tx.find_system_job(sequence)
            self._released(runner, sequence)
            if row is not None and row.runner_id == runner.id and row.started_on is None:
                self._hand_back(tx, row)

    def _on_paused(self, tx: Transaction, runner: Runner, message: Message) -> None:
        row = self._of_attempt(tx, runner, message)
        if row is None or row.status is not Status.PAUSING or row.claim != message["claim"]:
            return
        paused = outcomes.pause_took_effect(tx, row, message.get("run_time", 0))
        log.info("#%d %s %s", row.sequence, row.job, paused.reason)
        self.after.append(lambda: self._set(runner, row.sequence, paused=True))

    def _on_stuck(self, tx: Transaction, runner: Runner, message: Message) -> None:
        row = self._of_attempt(tx, runner, message)
        if row is not None:
            words = f"stuck: {message['processes']} processes survive SIGKILL; the slot is given back"
            tx.save(row, replace(row, message=words))
            log.error("#%d %s %s", row.sequence, row.job, words)
            self.after.append(lambda: self._set(runner, row.sequence, stuck=True))

    def _set(self, runner: Runner, sequence: int, **flags: bool) -> None:
        for name, value in flags.items():
            if sequence in runner.given:
                setattr(runner.given[sequence], name, value)

    def _on_report(self, tx: Transaction, runner: Runner, message: Message) -> None:
        told = {name: message.get(name) for name in ("progress", "stage", "message")}
        tx.database.run("record_report", {**told, "sequence": message["sequence"], "runner_id": runner.id})

    def _hand_back(self, tx: Transaction, row: SystemJob) -> None:
        if outcomes.hand_back(tx, row) is None:
            self._delete_logs(row.sequence)

    def _delete_logs(self, sequence: int) -> None:
        self.after.append(lambda: logs.delete(self.fleet.config.home, sequence))

    # After a restart, and after a death

    def _reconcile(self, tx: Transaction, runner: Runner, current: Message | None, queued: list[int]) -> None:
        """Bring an adopted runner and the rows that name it together."""
        for values in tx.database.run("of_runner", {"runner_id": runner.id}):
            row = system_job_from(values)
            if row.sequence in runner.given:  # handed over on this very connection
                continue
            if current is not None and current["sequence"] == row.sequence:
                self._adopt(tx, runner, row, current)
            elif row.sequence in queued:
                given = Assignment(row.sequence, row.claim, row.attempt + 1)
                self._give(runner, given)
            else:
                self._left_behind(tx, row, begun=row.started_on is not None)

    def _adopt(self, tx: Transaction, runner: Runner, row: SystemJob, current: Message) -> None:
        given = Assignment(row.sequence, row.claim, current["attempt"], began=True, paused=current["paused"])
        self._give(runner, given)
        tx.event("adopted", sequence=row.sequence, runner=runner.id)
        log.info("#%d %s adopted", row.sequence, row.job)
        if current["paused"] and row.status is Status.PAUSING:
            self.apply(tx, runner, {"k": "paused", **current})
        elif current["paused"] and row.status is Status.IN_PROGRESS:
            self.after.append(lambda: self.fleet.go_on(runner, row.sequence, row.claim))

    def _give(self, runner: Runner, given: Assignment) -> None:
        """Known at once: its end may come in the same transaction."""
        runner.given[given.sequence] = given
        self.if_failed.append(lambda: runner.given.pop(given.sequence, None))

    def bury(self, tx: Transaction, runner: Runner) -> None:
        """The runner and all its processes are gone: what it wrote down counts, the rest is lost or was never begun."""
        begun: set[tuple[int, int]] = set()
        seen = self.seen.get(runner, 0)
        for record in self.fleet.records(runner):
            if record.get("k") == "begin":
                begun.add((record["sequence"], record["claim"]))
            if record.get("n", 0) > seen:  # what was written together has one number
                self.apply(tx, runner, record)
        self.finish(tx)
        for values in tx.database.run("of_runner", {"runner_id": runner.id}):
            row = system_job_from(values)
            self._left_behind(tx, row, begun=row.started_on is not None or (row.sequence, row.claim) in begun)
        if not runner.spoke and runner.process is not None:
            log.error("the runner with pid %d ended before it said a word", runner.identity.pid)
            self.should_wait = True
        tx.database.run("delete_runner", {"id": runner.id})
        self.after.append(lambda: self.fleet.forget(runner))

    def _left_behind(self, tx: Transaction, row: SystemJob, begun: bool) -> None:
        if not begun:
            self._hand_back(tx, row)
            log.info("#%d %s had not begun: ready again", row.sequence, row.job)
            return
        data = self.fleet.config.run_directory / f"{row.sequence}.{row.claim}.data"
        self.after.append(lambda: data.unlink(missing_ok=True))
        words = "lost: its runner was gone before it ended"
        size = logs.size(self.fleet.config.home, row.sequence, row.attempt)
        lost = Outcome(
            Status.FAILED, Reason.LOST, message=words, ended_on=tx.now, run_time=row.run_time or 0, log_bytes=size
        )
        self.end(tx, row, lost)


def outcome_from(values: dict[str, Any]) -> Outcome:
    """An outcome as a runner wrote it; what is left out is at its default."""
    reason = values.get("reason")
    known = {name: values[name] for name in OUTCOME_FIELDS if name in values}
    return Outcome(**{**known, "status": Status(values["status"]), "reason": Reason(reason) if reason else None})


OUTCOME_FIELDS = tuple(Outcome.__dataclass_fields__)
