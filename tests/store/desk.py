"""A world with somebody at its daemon and a person at the command line, for tests of `jobctl why`."""

from __future__ import annotations

import json
import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jobctl import cli, control, presence, scheduling
from jobctl.config import Config
from jobctl.locks import FileLock
from jobctl.model import Reason, State, Status
from jobctl.scheduling import Planned, Policies
from tests.store.world import MINUTE, SECOND, START, World, every

SLOTS = 2


@dataclass
class Told:
    """What `jobctl why` said."""

    codes: list[str]
    texts: list[str]
    command: str | None
    reasons: list[dict[str, Any]]


class Desk:
    """A world with somebody at its daemon, and a person at the command line."""

    def __init__(self, world: World, clock: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.world = world
        self.store = world.store
        self.clock = clock
        self.capsys = capsys
        self.config: Config = world.store.database.config
        self.lock = FileLock(self.config.daemon_lock)
        self.holding = False
        """Nothing planned is promoted: the clock has just jumped."""

    # The daemon

    def open(self) -> None:
        """A daemon holds the home, and has just taken a turn."""
        assert self.lock.held or self.lock.acquire()
        self.lock.write(json.dumps({"boot_id": "b", "pid_namespace": "n", "pid": 1, "start_time": 1}))
        presence.show(self.config, self.world.clock.now())

    def close(self) -> None:
        self.lock.release()

    def absent(self, since: float, until: float) -> None:
        """From one minute to another there is no daemon; then the next one starts."""
        clock, before = self.world.clock.instant, self.world.daemon_id
        values = {"boot_id": "b", "pid_namespace": "n", "pid": 1, "start_time": 1, "version": "0", "slots": SLOTS}
        with self.store.write() as tx:
            tx.database.run("stop_daemon", {"id": before, "now": START + round(since * MINUTE)})
            parameters = {**values, "host_id": self.world.host_id, "now": START + round(until * MINUTE)}
            ((self.world.daemon_id,),) = tx.database.run("insert_daemon", parameters)
        self.world.clock.instant = clock

    def turn(self) -> None:
        """What a daemon does: wishes take effect, what is due is promoted, free slots are filled."""
        presence.show(self.config, self.world.clock.now())
        for row in self.world.rows():
            if row.status is Status.PAUSING:
                self.world.paused(row.sequence, run_time=MINUTE)
            elif row.status is Status.CANCELING or row.reason is Reason.CANCELING:
                self.world.end(row.sequence, Status.CANCELED, Reason.USER)
        if not self.holding:
            self.world.promote()
        while sum(row.state is State.LOCKED for row in self.world.rows()) < SLOTS:
            claimed = self.world.claim()
            if claimed is None:
                return
            if not claimed.continued:
                self.world.begin(claimed.sequence)

    def pass_(self, microseconds: int) -> None:
        self.world.clock.advance(microseconds)
        presence.show(self.config, self.world.clock.now())

    def begun(self, subject: object) -> int:
        """How often something of it was begun or went on: the system job itself, its reruns, or those of the job."""
        rows = [row for row in self.world.rows() if subject in (row.sequence, row.rerun_of, row.job)]
        return sum(row.claim for row in rows if row.started_on is not None)

    # People

    def submit(self, name: str = "job", *, job: dict[str, Any] | None = None, **rest: Any) -> int:
        if self.store.find_job(name) is None:
            self.world.job(name, **(job or {}))
        return control.submit(self.store, name, **rest).sequence

    def running(self, name: str = "job", **job: Any) -> int:
        number = self.submit(name, job=job)
        self.turn()
        assert self.world.row(number).started_on is not None
        return number

    def plan(self, name: str = "backup", interval: str = "10m", **terms: Any) -> None:
        """A job with a schedule, the first in a minute."""
        asked = every(interval, START + MINUTE)
        limits = {key: terms.pop(key) for key in ("count", "end_at") if key in terms}
        spec = {**asked.spec, **terms.pop("spec", {})}
        self.world.job(name, **terms.pop("job", {}))
        scheduling.schedule(
            self.store, name, Planned(spec, "UTC", asked.start_at, policies=Policies(**terms), **limits)
        )

    def at(self, minute: float) -> None:
        """That minute comes, and the daemon takes its turn."""
        self.world.clock.instant = START + round(minute * MINUTE)
        self.turn()

    def command(self, *arguments: object) -> str:
        """Run a command line as it is; what it printed."""
        offset = self.world.clock.now() / 1_000_000 - time.time()
        self.clock.write_text(f"{offset!r} 0", encoding="ascii")
        self.capsys.readouterr()
        code = cli.run([str(word) for word in arguments])
        printed = self.capsys.readouterr()
        assert code == 0, f"{arguments}: {printed.err}"
        self.world.clock.advance(SECOND)
        return printed.out

    def why(self, subject: object) -> Told:
        document = json.loads(self.command("why", subject, "--json"))["why"]
        reasons = document["reasons"]
        lines = self.command("why", subject).splitlines()[1:]
        command = document["command"]
        texts = [reason["text"] for reason in reasons]
        assert len(lines) == len(texts) + (command is not None)
        assert command is None or lines[-1] == f"to change it: {command}"
        return Told([reason["code"] for reason in reasons], texts, command, reasons)

    def obey(self, command: str, **filled_in: str) -> None:
        """Do what the last line proposes."""
        words = shlex.split(command)
        assert words[0] == "jobctl"
        if words[1] == "daemon":
            self.close()
            self.open()
        else:
            self.command(*[filled_in.get(word, word) for word in words[1:]])
