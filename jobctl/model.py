"""Jobs, schedules and system jobs: the words, the states, and the moves between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jobctl.records import Later, dataclass, field
from jobctl.states import FINAL as FINAL
from jobctl.states import MOVES as MOVES
from jobctl.states import REASONS as REASONS
from jobctl.states import TIMED as TIMED
from jobctl.states import CatchUp as CatchUp
from jobctl.states import Overlap as Overlap
from jobctl.states import Reason as Reason
from jobctl.states import State as State
from jobctl.states import Status as Status

JsonDict = dict[str, Any]


MAX_DEPTH: Final = 16
MAX_LOSSES: Final = 3
NOT_STARTED: Final = "could not be started yet: "
"""How the message begins of what was handed back for a passing cause; the next begin takes it away."""
MISSED_AFTER: Final = 60 * 1_000_000
"""Microseconds after which a late occurrence counts as missed (Etendo's misfire threshold)."""

OPERATION_WORKFLOW: Final = 10
"""OperationType of a person's job (Dataverse: Workflow)."""
OPERATION_BULK_DELETE: Final = 13
"""OperationType of a person's purge (Dataverse: Bulk Delete)."""
OPERATION_DELETION_SERVICE: Final = 14
"""OperationType of jobctl's own deletions (Dataverse: Deletion Service)."""
DELETIONS: Final = frozenset({OPERATION_BULK_DELETE, OPERATION_DELETION_SERVICE})
"""Types whose runs write to the database themselves: standing still in the middle, one would lock out everybody."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What a job runs and how: immutable, stored as one numbered version of the job.

    Exactly one of `command` (text for /bin/sh), `argv`, `callable` ("module:function") and `internal` is set.
    Durations are seconds.
    """

    command: str | None = None
    argv: tuple[str, ...] | None = None
    callable: str | None = None
    cwd: str = "/"
    umask: int = 0o022
    environment: Mapping[str, str] = field(default_factory=dict)
    """Recorded at `add`: the named variables only, and `--env K=V`."""
    environment_from_daemon: tuple[str, ...] = ()
    """`--env K`: taken from the daemon's environment when a run starts."""
    environment_from_file: Mapping[str, str] = field(default_factory=dict)
    """`--env K=@FILE`: the file's content when a run starts."""
    python: str | None = None
    """The interpreter of a callable."""
    path: tuple[str, ...] = ()
    """Directories appended to the callable's import path."""
    isolate: bool = False
    timeout: float | None = None
    grace: float = 10.0
    retries: int = 0
    retry_delay: float = 10.0
    retry_backoff: float = 1.0
    """Factor by which the delay grows with every retry; 1 keeps it fixed."""
    success_codes: tuple[int, ...] = (0,)
    token: str | None = None
    priority: int = 0
    on_lost: str = "fail"
    concurrency: int | None = None
    """How many system jobs of the job may run at a time."""
    keep: str = "all"
    """What is kept of its completed system jobs: `all` as the general rules say, `failed`: not what succeeded, a number
    of them, or a duration since their end."""
    notify: tuple[str, ...] = ()
    """Who is told of failures and the like: `exec:COMMAND`, or the address of a webhook."""
    expect: float | None = None
    """Seconds within which a success is expected, again and again."""
    internal: str | None = None
    """What of jobctl's own code it runs: `bulk_delete` or `notify`."""
    settings: JsonDict | None = None
    """The data of a system job that is given none; only for jobctl's own code."""
    description: str = ""
    tags: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """The command as a person would type it."""
        if self.command is not None:
            return self.command
        if self.argv is not None:
            import shlex

            return shlex.join(self.argv)
        if self.internal is not None:
            return self.internal.replace("_", " ")
        return f"{self.callable}()"

    def retry_after(self, retry: int) -> float:
        """Seconds to wait before retry number `retry` (from 1); growth is capped at a day."""
        try:
            return min(self.retry_delay * self.retry_backoff ** (retry - 1), max(self.retry_delay, 86400.0))
        except OverflowError:
            return max(self.retry_delay, 86400.0)


@dataclass(frozen=True, slots=True)
class JobVersion:
    id: int
    job_id: int
    job: str
    number: int
    definition: Definition
    created_on: int
    created_by: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A job's schedule as stored. Instants are microseconds UTC.

    `spec` is what the schedule package parses again: `{"notation": "cron", "expression": …}`.
    """

    job_id: int
    number: int
    """Raised by every schedule, reschedule or edit of the schedule (design word: plan)."""
    spec: JsonDict
    time_zone: str
    start_at: int | None
    end_at: int | None
    count: int | None
    fired: int
    """Occurrences that became ready under this plan; `count` limits it."""
    activated_at: int
    planned_through: int | None
    """The greatest instant ever decided, under this or an earlier plan; never falls."""
    active: bool
    ended_on: int | None
    ended_by: str | None
    """`finished`, `unscheduled`, or None while active."""
    overlap: Overlap = Overlap.SKIP
    catch_up: CatchUp = CatchUp.LATEST
    catch_up_window: int | None = None
    """Microseconds by which a missed occurrence may be late and still be caught up with."""
    late_limit: int | None = None
    """Microseconds after its due instant until which an occurrence may begin."""
    jitter: int = 0
    """Microseconds within which the job's stable offset lies, which delays each occurrence."""
    paused_from: int | None = None
    paused_until: int | None = None
    """The schedule's last pause; its instants from `paused_from` to just before `paused_until` are not run."""
    pause_reason: str | None = None
    boot_id: str | None = None
    """For a schedule by boot: the boot it was last decided for."""


@dataclass(frozen=True, slots=True)
class Job:
    id: int
    name: str
    version: JobVersion
    plan: Plan | None
    created_on: int
    created_by: str
    modified_on: int
    modified_by: str


@dataclass(frozen=True, slots=True)
class SystemJob(Later):
    """One execution of a job, from planned to finished. Instants are microseconds UTC."""

    sequence: int
    id: str
    job_id: int
    job: str
    job_version_id: int
    job_version: int
    name: str
    operation_type: int
    platform: bool
    state: State
    status: Status
    reason: Reason | None
    claim: int
    message_name: str
    plan: int | None
    occurrence_at: int | None
    due_at: int
    start_by: int | None
    """The latest instant at which it may begin."""
    priority: int
    dependency_token: str | None
    token_seq: int | None
    blocked_by: int | None
    event: str | None
    """The event it waits for, until that is emitted."""
    attempt: int
    retry_count: int
    lost_count: int
    created_on: int
    created_by: str
    modified_on: int
    modified_by: str
    owner: str
    ready_on: int | None
    started_on: int | None
    continued_on: int | None
    """When it last went on after a pause; `run_time` holds what it had run until then."""
    completed_on: int | None
    run_time: int | None
    """Microseconds its processes ran, without the time it stood paused."""
    exit_code: int | None
    signal: int | None
    error_code: int | None
    message: str | None
    friendly_message: str | None
    stage: str | None
    progress: float | None
    depth: int
    parent: str | None
    rerun_of: int | None
    key: str | None
    regarding: str | None
    """`TYPE:ID`."""
    dropped: int | None
    """On a `missed` record: how many instants it stands for."""
    log_bytes: int | None
    host: str | None
    daemon_id: int | None
    runner_id: str | None
    """Set while a process of it may live."""
    pause_until: int | None
    """While pausing: the instant at which it shall go on by itself."""
    delete_requested: bool
    cancel_reason: Reason | None
    """While canceling: what for."""
    time_zone: str | None
    recurrence_pattern: str | None
    recurrence_start_at: int | None
    utc_offset: int | None
    """Minutes east of UTC where it was created."""

    @property
    def postpone_until(self) -> int | None:
        timed = self.state is State.SUSPENDED and self.reason in TIMED
        return self.due_at if timed else None

    @property
    def has_process(self) -> bool:
        """Whether a process of it may live: it is locked, or was paused and waits."""
        return self.runner_id is not None and self.state is not State.COMPLETED


@dataclass(frozen=True, slots=True)
class Wait:
    """One predecessor of a system job."""

    after: int
    condition: str
    """`success`, `failure` or `any`: how it has to end."""
    met_on: int | None = None

    def met_by(self, status: Status) -> bool:
        """Whether that end of the predecessor is what was waited for."""
        wanted = {"success": Status.SUCCEEDED, "failure": Status.FAILED}.get(self.condition, status)
        return status is wanted


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt ended, as its runner saw it."""

    status: Status
    """SUCCEEDED, FAILED or CANCELED."""
    reason: Reason | None = None
    exit_code: int | None = None
    signal: int | None = None
    message: str | None = None
    result: str | None = None
    """JSON text."""
    ended_on: int = 0
    run_time: int = 0
    """Microseconds, without paused time."""
    log_bytes: int = 0
    progress: float | None = None
    stage: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a job or a system job beside its moves."""

    at: int
    actor: str
    kind: str
    detail: JsonDict
    sequence: int | None


@dataclass(frozen=True, slots=True)
class DaemonRow:
    """A daemon as it wrote itself down."""

    id: int
    host: str
    pid: int
    version: str
    slots: int
    started_on: int
    stopped_on: int | None
