"""jobctl through its public doors: a temporary home, the installed command, its daemon.

Large data sets are put into the tables by statements (`fill_…`): what `jobctl run` would have left, without the wait.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import work
from jobctl.clock import SystemClock
from jobctl.config import Config
from jobctl.store import Store

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = "SQLite WAL, synchronous=FULL, every record and result kept; defaults"

FILL_READY = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :rows)
INSERT INTO system_jobs (id, job_id, job_version_id, name, state, status, message_name, due_at, created_on, created_by,
                         modified_on, modified_by, owner, ready_on)
SELECT randomblob(16), :job_id, :version_id, :name, 0, 0, 'api', :now + i, :now + i, 1, :now + i, 1, 1, :now + i FROM n
"""
FILL_DUE = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :rows)
INSERT INTO system_jobs (id, job_id, job_version_id, name, state, status, reason, message_name, due_at, created_on,
                         created_by, modified_on, modified_by, owner)
SELECT randomblob(16), :job_id, :version_id, :name, 1, 10, 'scheduled', 'api', :due_at, :now, 1, :now, 1, 1 FROM n
"""
FILL_COMPLETED = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :rows)
INSERT INTO system_jobs (id, job_id, job_version_id, name, state, status, reason, message_name, due_at, created_on,
                         created_by, modified_on, modified_by, owner, ready_on, started_on, completed_on, run_time,
                         exit_code, log_bytes, attempt, claim)
SELECT randomblob(16), :job_id, :version_id, :name, 3, CASE WHEN i % 10 THEN 30 ELSE 31 END,
       CASE WHEN i % 10 THEN NULL ELSE 'exit' END, 'api', :now + i, :now + i, 1, :now + i, 1, 1, :now + i,
       :now + i + 20, :now + i + 30, 10, CASE WHEN i % 10 THEN 0 ELSE 1 END, 0, 1, 1
  FROM n
"""


def command() -> list[str]:
    """The installed command, as a shell would start it."""
    found = Path(sys.executable).parent / "jobctl"
    return [str(found)] if found.exists() else [sys.executable, "-m", "jobctl"]


class Home:
    """A home of its own under `directory`, which also holds the module of the callables."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / "home"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "TZ") if name in os.environ}
        self.environment = {**kept, "JOBCTL_HOME": str(self.path)}
        shutil.copy(work.__file__, directory / "bench_work.py")

    def __call__(self, *arguments: str, answers: tuple[int, ...] = (0,)) -> str:
        """What the command prints. Raises RuntimeError when it exits otherwise."""
        argv = [*command(), *arguments]
        done = subprocess.run(argv, env=self.environment, cwd=self.directory, capture_output=True, text=True)
        if done.returncode not in answers:
            raise RuntimeError(f"jobctl {' '.join(arguments)} exited {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def add_callables(self) -> None:
        for name in ("noop", "stamp"):
            self("add", name, "--callable", f"bench_work:{name}")

    def drive(self, action: str, *arguments: object) -> dict[str, Any]:
        """Submissions by the library, from a process of their own."""
        return drive("jobctl", action, *arguments, environment=self.environment)

    @contextlib.contextmanager
    def store(self) -> Iterator[Store]:
        with Store.open(Config(self.path), SystemClock(), "user:bench") as store:
            yield store

    @contextlib.contextmanager
    def daemon(self, slots: int = 2, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """A daemon in the background, told to stop at the end and, if that does not help, killed."""
        argv = [*command(), "daemon", "--slots", str(slots), *options]
        with (self.directory / "daemon.log").open("ab") as log:
            process = subprocess.Popen(argv, env=self.environment, stdout=log, stderr=log)
        try:
            wait_until(lambda: (self.path / "run" / "wake.sock").exists() or process.poll() is not None, 300)
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGTERM)
                process.wait(60)

    def drain(self, slots: int, patience: float = 600.0) -> None:
        """Run everything that is ready, and stop."""
        argv = [*command(), "daemon", "--slots", str(slots), "--until-idle"]
        with (self.directory / "daemon.log").open("ab") as log:
            subprocess.run(argv, env=self.environment, stdout=log, stderr=log, check=True, timeout=patience)

    def query(self, sql: str, parameters: dict[str, object] | None = None) -> list[tuple[Any, ...]]:
        with self.store() as store:
            return list(store.database.connection.execute(sql, parameters or {}))

    def fill(self, statement: str, name: str, rows: int, **values: int) -> None:
        """So many system jobs of the job `name`, by one of the statements above; a million in each transaction."""
        with self.store() as store:
            job = store.job(name)
            shared = {"job_id": job.id, "version_id": job.version.id, "name": name, "now": store.clock.now(), **values}
            for done in range(0, rows, 1_000_000):
                with store.database.write():
                    now = shared["now"] + done  # type: ignore[operator]
                    values_now = {**shared, "rows": min(1_000_000, rows - done), "now": now}
                    store.database.connection.execute(statement, values_now)


def drive(
    app: str, action: str, *arguments: object, environment: dict[str, str], patience: float = 600.0
) -> dict[str, Any]:
    """The answer of `bench.drive` in a process of its own. Raises RuntimeError with its last words."""
    import json

    argv = [sys.executable, "-m", "bench.drive", app, action, *map(str, arguments)]
    done = subprocess.run(argv, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=patience)
    if done.returncode:
        raise RuntimeError(f"{app} {action}: {(done.stderr.strip().splitlines() or ['no word'])[-1]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if "error" in answer:
        raise RuntimeError(f"{app} {action}: {answer['error']}")
    return answer


def wait_until(condition: Any, patience: float) -> None:
    """Raises TimeoutError when it does not come true within `patience` seconds."""
    limit = time.monotonic() + patience
    while not condition():
        if time.monotonic() > limit:
            raise TimeoutError(f"waited {patience:g} s in vain")
        time.sleep(0.005)
