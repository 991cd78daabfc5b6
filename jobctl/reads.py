"""Every read of state that more than one part of jobctl needs; what it gives are the model's records."""

from __future__ import annotations

import json

from jobctl.criteria import EVERYTHING, Filter
from jobctl.database import Database, Row
from jobctl.errors import JobNotFound, SystemJobNotFound
from jobctl.identity import numbers_of
from jobctl.known import Known
from jobctl.model import DaemonRow, Event, Job, JobVersion, Plan, SystemJob, Wait
from jobctl.rows import definition_from, plan_from, system_job_from


class Reads:
    """What a home's state says."""

    database: Database
    known: Known

    # Jobs

    def job_names(self) -> list[str]:
        return [str(name) for (name,) in self.database.run("job_names")]

    def jobs(self) -> list[Job]:
        return [self._job(row) for row in self.database.run("jobs", {"name": None})]

    def job(self, name: str) -> Job:
        """Raises JobNotFound, with the nearest name."""
        rows = self.database.run("jobs", {"name": name})
        if not rows:
            raise JobNotFound(name, self.job_names())
        return self._job(rows[0])

    def version_in_force(self, name: str) -> JobVersion:
        """The definition of a job. Raises JobNotFound, with the nearest name."""
        rows = self.database.run("version_in_force", {"name": name})
        if not rows:
            raise JobNotFound(name, self.job_names())
        return self.job_version(rows[0][0])

    def job_by_id(self, job_id: int) -> Job:
        return self._job(self.database.run("job_by_id", {"id": job_id})[0])

    def find_job(self, name: str) -> Job | None:
        rows = self.database.run("jobs", {"name": name})
        return self._job(rows[0]) if rows else None

    def job_id(self, name: str) -> int | None:
        """Also of the shelf for commands without a definition, which is no job."""
        rows = self.database.run("job_id", {"name": name})
        return int(rows[0][0]) if rows else None

    def _job(self, row: Row) -> Job:
        job_id, name, version_id, created_on, created_by, modified_on, modified_by = row
        version = self.job_version(version_id)
        return Job(job_id, name, version, self.plan(job_id), created_on, created_by, modified_on, modified_by)

    def job_version(self, version_id: int) -> JobVersion:
        versions = self.known.versions
        if version_id not in versions:
            ((id_, job_id, job, number, definition, created_on, created_by),) = self.database.run(
                "job_version", {"id": version_id}
            )
            found = JobVersion(id_, job_id, job, number, definition_from(definition), created_on, created_by)
            if len(versions) > 1000:
                versions.clear()
            versions[version_id] = found
        return versions[version_id]

    def plan(self, job_id: int) -> Plan | None:
        rows = self.database.run("plan", {"job_id": job_id})
        return plan_from(rows[0]) if rows else None

    # System jobs

    def system_job(self, sequence: int) -> SystemJob:
        """Raises SystemJobNotFound."""
        found = self.find_system_job(sequence)
        if found is None:
            raise SystemJobNotFound(str(sequence))
        return found

    def find_system_job(self, sequence: int) -> SystemJob | None:
        if sequence >= 2**63:
            return None
        rows = self.database.run("system_job", {"sequence": sequence})
        return system_job_from(rows[0]) if rows else None

    def system_job_by_hex(self, prefix: str) -> list[int]:
        """The numbers (two at most) of the system jobs whose id begins so, with 8 digits at least."""
        low, high = bytes.fromhex(prefix.ljust(32, "0")), bytes.fromhex(prefix.ljust(32, "f"))
        ((newest,),) = self.database.run("newest_sequence")
        parameters = {"low": low, "high": high, "numbers": json.dumps([*numbers_of(prefix, newest)])}
        return [int(sequence) for (sequence,) in self.database.run("system_job_by_id", parameters)]

    def system_jobs(self, chosen: Filter = EVERYTHING, limit: int = 50) -> list[SystemJob]:
        """Newest first."""
        parameters = {**chosen.parameters(), "limit": limit}
        return [system_job_from(row) for row in self.database.run("system_jobs", parameters)]

    def live_system_jobs(self, job_id: int) -> list[SystemJob]:
        """Those of a job that are not completed, oldest first."""
        return [system_job_from(row) for row in self.database.run("live_system_jobs_of_job", {"job_id": job_id})]

    def newest_system_job(
        self, job_id: int, *, completed: bool | None = None, begun: bool | None = None
    ) -> SystemJob | None:
        parameters = {"job_id": job_id, "completed": completed, "begun": begun}
        rows = self.database.run("newest_of_job", parameters)
        return system_job_from(rows[0]) if rows else None

    def pending_occurrence(self, job_id: int) -> SystemJob | None:
        """The next occurrence of the job's schedule."""
        rows = self.database.run("pending_occurrence", {"job_id": job_id})
        return system_job_from(rows[0]) if rows else None

    def waits(self, sequence: int) -> list[Wait]:
        """The predecessors it waits or waited for."""
        return [Wait(*row) for row in self.database.run("waits", {"sequence": sequence})]

    def payload(self, sequence: int) -> tuple[str | None, str | None]:
        """Data and result, as JSON text."""
        rows = self.database.run("payload", {"sequence": sequence})
        return (rows[0][0], rows[0][1]) if rows else (None, None)

    def events(self, *, sequence: int | None = None, job_id: int | None = None, limit: int = 100) -> list[Event]:
        """What happened to a system job, oldest first, or to a job, newest first."""
        if sequence is not None:
            rows = self.database.run("events_of_system_job", {"sequence": sequence})
        else:
            rows = self.database.run("events_of_job", {"job_id": job_id, "limit": limit})
        return [
            Event(at, actor, kind, json.loads(detail) if detail else {}, of) for at, actor, kind, detail, of in rows
        ]

    def daemon(self) -> DaemonRow | None:
        """The daemon that started last, running or not."""
        rows = self.database.run("newest_daemon")
        return DaemonRow(*rows[0]) if rows else None
