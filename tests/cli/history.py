"""A home with a past: rows written straight into the database, of any age and in any number."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jobctl import control
from jobctl.clock import SystemClock
from jobctl.config import load
from jobctl.model import Definition, State, Status
from jobctl.store import Store

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Past:
    """Opens the home of the test and writes into it; times are microseconds."""

    def __init__(self, home: Path) -> None:
        self.store = Store.open(load({**os.environ, "JOBCTL_HOME": str(home)}), SystemClock(), "user:alice")
        self.connection = self.store.database.connection
        self.now = self.store.clock.now()

    def __enter__(self) -> Past:
        return self

    def __exit__(self, *error: object) -> None:
        self.store.close()

    def job(self, name: str, **definition: Any) -> int:
        """Define a job; its number."""
        return control.add_job(self.store, name, Definition(argv=("true",), **definition)).id

    def actor(self, name: str) -> int:
        run = self.store.database.run
        ((found,),) = run("actor", {"name": name}) or run("insert_actor", {"name": name})
        return int(found)

    def add(self, job_id: int, status: Status, **columns: Any) -> int:
        """One system job in that status, created an hour ago unless told otherwise; its number."""
        created = columns.get("created_on", self.now - HOUR)
        values: dict[str, Any] = {
            "id": os.urandom(16),
            "job_id": job_id,
            "job_version_id": self.version(job_id),
            "name": self.name(job_id),
            "state": int(status.state),
            "status": int(status),
            "message_name": "run",
            "due_at": created,
            "created_on": created,
            "created_by": 1,
            "modified_on": created,
            "modified_by": 1,
            "owner": 1,
            "ready_on": created,
            "attempt": 1,
        }
        if status.state is State.COMPLETED:
            values |= {"started_on": created, "completed_on": created + SECOND, "run_time": SECOND}
        if status.state is State.LOCKED:
            values |= {"started_on": created, "runner_id": "0" * 16}
        values |= columns
        names = ", ".join(values)
        places = ", ".join(f":{name}" for name in values)
        statement = f"INSERT INTO system_jobs ({names}) VALUES ({places}) RETURNING sequence"
        return int(str(self.connection.execute(statement, values).fetchall()[0][0]))

    def event(self, sequence: int, kind: str, at: int) -> None:
        self.connection.execute(
            "INSERT INTO events (at, actor, kind, sequence) VALUES (?, 1, ?, ?)", (at, kind, sequence)
        )

    def version(self, job_id: int) -> int:
        return self.store.job_by_id(job_id).version.id

    def name(self, job_id: int) -> str:
        return self.store.job_by_id(job_id).name

    def many(self, job_id: int, number: int, *, every: int, until: int) -> None:
        """So many succeeded ones, a failed one among 50, the last `until`: the n-th ran n % 1000 milliseconds."""
        self.connection.execute(
            """
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :number)
            INSERT INTO system_jobs (id, job_id, job_version_id, name, state, status, reason, message_name, due_at,
                                     created_on, created_by, modified_on, modified_by, owner, ready_on, started_on,
                                     completed_on, run_time, attempt)
            SELECT randomblob(16), :job_id, :version, :name, 3, iif(i % 50 = 0, 31, 30), iif(i % 50 = 0, 'exit', NULL),
                   'run', at, at, 1, at, 1, 1, at, at + i % 100 * 1000, at + i % 100 * 1000 + i % 1000 * 1000,
                   i % 1000 * 1000, 1
              FROM (SELECT i, :until - (:number - i) * :every AS at FROM n)
            """,
            {
                "number": number,
                "job_id": job_id,
                "version": self.version(job_id),
                "name": self.name(job_id),
                "every": every,
                "until": until,
            },
        )
