"""Claiming for free slots and handing over to runners, with the order that makes an attempt begin."""

from __future__ import annotations

import logging
import os
import stat
import sys
from dataclasses import asdict
from typing import Any

from jobctl.assignment import Assignment, Runner
from jobctl.config import Config
from jobctl.fleet import PACKAGE_PARENT, Fleet
from jobctl.model import Definition, Outcome, Reason, Status, SystemJob
from jobctl.recorder import Recorder
from jobctl.runner.protocol import MAX_FRAME, PROTOCOL, encode
from jobctl.store import Claimed, Store, Transaction

log = logging.getLogger("jobctl")

MAX_VARIABLE = 128 * 1024 - 256
"""Bytes of a variable's value; Linux refuses longer strings."""


class Dispatcher:
    """Fills the daemon's slots."""

    def __init__(self, fleet: Fleet, store: Store, host_id: int, slots: int) -> None:
        self.fleet = fleet
        self.store = store
        self.host_id = host_id
        self.slots = slots
        self.not_before = 0.0
        """The monotonic second before which nothing is claimed, after something could not be started."""
        self.short = False
        """No process could be started for another runner; said once."""

    def can_claim(self) -> bool:
        """Whether there is a free slot, something to run in it, and a runner to take it; runners are started."""
        free = self.slots - self.fleet.slots_used()
        if free <= 0 or self.fleet.greeting or self.fleet.clock.monotonic() < self.not_before:
            return False
        ((claimable,),) = self.store.database.run("claimable", {"host_id": self.host_id, "limit": free})
        idle = sum(1 for _ in self.fleet.idle())
        while idle < claimable:
            try:
                self.fleet.spawn()
            except OSError as error:
                if not self.short:
                    log.error("cannot start another runner: %s", error.strerror)
                self.short = True
                break
            self.short = False
            idle += 1
        return min(int(claimable), idle) > 0

    def claim(self, tx: Transaction, recorder: Recorder) -> list[Claimed]:
        """Lock the heads of the queue, one for each free slot; who runs them is committed with it."""
        if self.fleet.greeting or self.fleet.clock.monotonic() < self.not_before:
            return []
        claimed: list[Claimed] = []
        free = self.slots - self.fleet.slots_used()
        idle = list(self.fleet.idle())
        while free > len(claimed) and idle:
            candidate = idle[-1]
            if not candidate.stored:
                self._store_runner(tx, recorder, candidate)
            parameters = {"host_id": self.host_id, "daemon_id": self.fleet.generation, "runner_id": candidate.id}
            rows = tx.database.run("claim_ready", {**parameters, **tx.stamp})
            if not rows:
                break
            claimed.append(Claimed(*rows[0]))
            if claimed[-1].runner_id == candidate.id:
                idle.pop()
        return claimed

    def _store_runner(self, tx: Transaction, recorder: Recorder, runner: Runner) -> None:
        row = {
            **runner.identity._asdict(),
            "id": runner.id,
            "host_id": self.host_id,
            "daemon_id": self.fleet.generation,
        }
        tx.database.run("insert_runner", {**row, "protocol": PROTOCOL, "now": tx.now})
        runner.stored = True
        recorder.if_failed.append(lambda: setattr(runner, "stored", False))

    def hand_over(self, claimed: Claimed) -> None:
        """Send the runner its order, now that the claim is committed."""
        runner = self.fleet.runners.get(claimed.runner_id)
        if runner is None:  # it died while its system job waited for a slot; the burial decides
            return
        if claimed.continued:
            self.fleet.go_on(runner, claimed.sequence, claimed.claim)
            return
        runner.given[claimed.sequence] = Assignment(claimed.sequence, claimed.claim, claimed.attempt + 1)
        row = self.store.system_job(claimed.sequence)
        definition = self.store.job_version(claimed.job_version_id).definition
        data, _ = self.store.payload(claimed.sequence)
        try:
            run = order(self.fleet.config, row, definition, data)
            if len(encode({"k": "work", "runs": [run]})) > MAX_FRAME:
                raise CannotPrepare("its data and environment are larger than 16 MiB together")
        except CannotPrepare as error:
            self._fail(runner, claimed, str(error))
            return
        self.fleet.send(runner, {"k": "work", "runs": [run]})

    def _fail(self, runner: Runner, claimed: Claimed, message: str) -> None:
        """It cannot even be handed over: recorded at the next turn like an end that a runner reports."""
        at = self.fleet.clock.now()
        who = {"sequence": claimed.sequence, "claim": claimed.claim, "attempt": claimed.attempt + 1}
        outcome = asdict(Outcome(Status.FAILED, Reason.SPAWN, message=message, ended_on=at))
        self.fleet.inbox.append((runner, {"k": "begin", "at": at, **who}))
        self.fleet.inbox.append((runner, {"k": "end", "outcome": outcome, **who}))


class CannotPrepare(Exception):
    """The run cannot be given what its definition asks for."""


def order(config: Config, row: SystemJob, definition: Definition, data: str | None) -> dict[str, Any]:
    """The RUN of the protocol for the attempt that follows. Raises CannotPrepare in one sentence."""
    argv = arguments(definition)
    return {
        "sequence": row.sequence,
        "id": row.id,
        "claim": row.claim,
        "attempt": row.attempt + 1,
        "job": row.job,
        "kind": "callable" if definition.callable else "command",
        "argv": argv,
        "callable": definition.callable,
        "python": definition.python,
        "path": list(definition.path),
        "isolate": definition.isolate,
        "data": data,
        "cwd": definition.cwd if definition.internal is None else "/",
        "umask": definition.umask,
        "environment": environment(config, row, definition),
        "timeout": definition.timeout,
        "grace": definition.grace,
        "success_codes": list(definition.success_codes),
        "run_time": 0,
    }


def arguments(definition: Definition) -> list[str] | None:
    """What its process is started with; None for a callable. jobctl's own code comes from where this daemon's does."""
    if definition.internal is not None:
        code = f"import sys; sys.path.insert(0, {PACKAGE_PARENT!r}); from jobctl.{definition.internal} import main"
        return [sys.executable, "-I", "-c", f"{code}; sys.exit(main())"]
    if definition.command is not None:
        return ["/bin/sh", "-c", definition.command]
    return None if definition.argv is None else list(definition.argv)


def content(path: str) -> str:
    """The text of a regular file that fits into a variable. Raises OSError, UnicodeDecodeError or CannotPrepare."""
    # Not blocking: opening a pipe that nobody writes to would hold up the daemon.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise CannotPrepare(f"{path} is not a regular file")
        found = file.read(MAX_VARIABLE + 1)
    if len(found) > MAX_VARIABLE:
        raise CannotPrepare(f"{path} is larger than {MAX_VARIABLE // 1024} KiB, too large for a variable")
    return found.decode()


def environment(config: Config, row: SystemJob, definition: Definition) -> dict[str, str]:
    """What was recorded, what the daemon or a file supplies now, and who the run is; nothing else."""
    found = dict(definition.environment)
    for name in definition.environment_from_daemon:
        if name in os.environ:
            found[name] = os.environ[name]
    for name, path in definition.environment_from_file.items():
        try:
            found[name] = content(path).removesuffix("\n")
        except (OSError, UnicodeDecodeError) as error:
            cause = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise CannotPrepare(f"cannot read {path} for the variable {name}: {cause}") from None
        if "\0" in found[name]:
            raise CannotPrepare(f"{path} holds a NUL, which the variable {name} cannot carry")
    found.update(
        JOBCTL_ID=row.id,
        JOBCTL_SEQUENCE=str(row.sequence),
        JOBCTL_JOB=row.job,
        JOBCTL_ATTEMPT=str(row.attempt + 1),
        JOBCTL_DEPTH=str(row.depth),
        JOBCTL_HOME=str(config.home),
        JOBCTL_RUN=row.runner_id or "",
    )
    if os.environ.get("JOBCTL_TEST") == "1":
        found.update({name: os.environ[name] for name in ("JOBCTL_TEST", "JOBCTL_CLOCK") if name in os.environ})
    return found
