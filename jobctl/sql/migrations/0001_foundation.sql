-- Instants are integer microseconds since 1970-01-01 UTC. Columns that only several hosts need
-- (host_id, daemon_id, lease_until, log_host) are here from the start so that PostgreSQL can share the statements.

CREATE TABLE actors (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE hosts (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- AUTOINCREMENT makes the id a generation: a daemon that is not the greatest has been replaced.
CREATE TABLE daemons (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    host_id       INTEGER NOT NULL REFERENCES hosts,
    boot_id       TEXT    NOT NULL,
    pid_namespace TEXT    NOT NULL,
    pid           INTEGER NOT NULL,
    start_time    INTEGER NOT NULL,
    version       TEXT    NOT NULL,
    slots         INTEGER NOT NULL,
    started_on    INTEGER NOT NULL,
    stopped_on    INTEGER
) STRICT;

-- A row stays until the runner is gone and all of its journal is committed.
CREATE TABLE runners (
    id            TEXT    PRIMARY KEY,
    host_id       INTEGER NOT NULL REFERENCES hosts,
    daemon_id     INTEGER NOT NULL REFERENCES daemons,
    boot_id       TEXT    NOT NULL,
    pid_namespace TEXT    NOT NULL,
    pid           INTEGER NOT NULL,
    start_time    INTEGER NOT NULL,
    protocol      INTEGER NOT NULL,
    created_on    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT    NOT NULL,
    version_id  INTEGER,
    created_on  INTEGER NOT NULL,
    created_by  INTEGER NOT NULL REFERENCES actors,
    modified_on INTEGER NOT NULL,
    modified_by INTEGER NOT NULL REFERENCES actors,
    removed_on  INTEGER
) STRICT;

-- Removing a job frees its name and keeps its history.
CREATE UNIQUE INDEX jobs_by_name ON jobs (name) WHERE removed_on IS NULL;

CREATE TABLE job_versions (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id     INTEGER NOT NULL REFERENCES jobs,
    number     INTEGER NOT NULL,
    definition TEXT    NOT NULL,
    created_on INTEGER NOT NULL,
    created_by INTEGER NOT NULL REFERENCES actors,
    UNIQUE (job_id, number)
) STRICT;

CREATE TRIGGER job_versions_are_immutable BEFORE UPDATE ON job_versions
BEGIN
    SELECT RAISE(ABORT, 'a job version never changes');
END;

CREATE TABLE schedules (
    job_id          INTEGER PRIMARY KEY REFERENCES jobs,
    plan            INTEGER NOT NULL,
    spec            TEXT    NOT NULL,
    time_zone       TEXT    NOT NULL,
    start_at        INTEGER,
    end_at          INTEGER,
    count           INTEGER CHECK (count >= 1),
    fired           INTEGER NOT NULL DEFAULT 0,
    activated_at    INTEGER NOT NULL,
    planned_through INTEGER,
    overlap         TEXT    NOT NULL DEFAULT 'skip',
    catch_up        TEXT    NOT NULL DEFAULT 'latest',
    active          INTEGER NOT NULL CHECK (active IN (0, 1)),
    ended_on        INTEGER,
    ended_by        TEXT CHECK (ended_by IN ('finished', 'unscheduled')),
    CHECK (active = (ended_by IS NULL))
) STRICT;

-- What each plan said, for the occurrences it made; schedules holds the one in force.
CREATE TABLE plans (
    job_id    INTEGER NOT NULL REFERENCES jobs,
    plan      INTEGER NOT NULL,
    spec      TEXT    NOT NULL,
    time_zone TEXT    NOT NULL,
    start_at  INTEGER,
    PRIMARY KEY (job_id, plan)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER planned_through_never_falls BEFORE UPDATE OF planned_through ON schedules
WHEN OLD.planned_through IS NOT NULL AND (NEW.planned_through IS NULL OR NEW.planned_through < OLD.planned_through)
BEGIN
    SELECT RAISE(ABORT, 'planned_through never falls');
END;

CREATE TABLE system_jobs (
    sequence         INTEGER PRIMARY KEY AUTOINCREMENT,
    id               BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    job_id           INTEGER NOT NULL REFERENCES jobs,
    job_version_id   INTEGER NOT NULL REFERENCES job_versions,
    name             TEXT    NOT NULL,
    operation_type   INTEGER NOT NULL DEFAULT 10,
    platform         INTEGER NOT NULL DEFAULT 0 CHECK (platform IN (0, 1)),
    state            INTEGER NOT NULL,
    status           INTEGER NOT NULL,
    reason           TEXT,
    claim            INTEGER NOT NULL DEFAULT 0,
    message_name     TEXT    NOT NULL,
    plan             INTEGER,
    occurrence_at    INTEGER,
    due_at           INTEGER NOT NULL,
    priority         INTEGER NOT NULL DEFAULT 0,
    dependency_token TEXT,
    token_seq        INTEGER,
    blocked_by       INTEGER,
    attempt          INTEGER NOT NULL DEFAULT 0,
    retry_count      INTEGER NOT NULL DEFAULT 0,
    lost_count       INTEGER NOT NULL DEFAULT 0,
    created_on       INTEGER NOT NULL,
    created_by       INTEGER NOT NULL REFERENCES actors,
    modified_on      INTEGER NOT NULL,
    modified_by      INTEGER NOT NULL REFERENCES actors,
    owner            INTEGER NOT NULL REFERENCES actors,
    ready_on         INTEGER,
    started_on       INTEGER,
    continued_on     INTEGER,
    completed_on     INTEGER,
    run_time         INTEGER,
    exit_code        INTEGER,
    signal           INTEGER,
    error_code       INTEGER,
    message          TEXT,
    friendly_message TEXT,
    stage            TEXT,
    progress         REAL,
    depth            INTEGER NOT NULL DEFAULT 0 CHECK (depth BETWEEN 0 AND 16),
    parent           BLOB,
    rerun_of         INTEGER,
    key              TEXT,
    regarding        TEXT,
    dropped          INTEGER,
    log_bytes        INTEGER,
    log_host         INTEGER REFERENCES hosts,
    host_id          INTEGER REFERENCES hosts,
    daemon_id        INTEGER REFERENCES daemons,
    lease_until      INTEGER,
    runner_id        TEXT,
    pause_until      INTEGER,
    delete_requested INTEGER NOT NULL DEFAULT 0 CHECK (delete_requested IN (0, 1)),
    utc_offset       INTEGER,
    CHECK (CASE status
        WHEN 0  THEN state = 0 AND reason IS NULL
        WHEN 10 THEN state = 1 AND ifnull(reason, '') IN ('scheduled', 'postponed', 'paused', 'canceling',
                                                          'retrying', 'waiting_for_event', 'after', 'held')
        WHEN 20 THEN state = 2 AND reason IS NULL
        WHEN 21 THEN state = 2 AND reason IS NULL
        WHEN 22 THEN state = 2 AND reason IS NULL
        WHEN 30 THEN state = 3 AND reason IS NULL
        WHEN 31 THEN state = 3 AND ifnull(reason, '') IN ('exit', 'signal', 'timeout', 'lost', 'no_result',
                                                          'result_too_large', 'spawn', 'import', 'arguments',
                                                          'exception', 'memory')
        WHEN 32 THEN state = 3 AND ifnull(reason, '') IN ('user', 'overlap', 'replaced', 'missed', 'late',
                                                          'paused_schedule', 'unscheduled', 'dependency',
                                                          'daemon_stopped')
        ELSE 0 END),
    CHECK ((state = 3) = (completed_on IS NOT NULL)),
    CHECK ((plan IS NULL) = (occurrence_at IS NULL)),
    CHECK (state != 2 OR runner_id IS NOT NULL),
    CHECK (state != 3 OR (runner_id IS NULL AND blocked_by IS NULL)),
    CHECK (reason IS NOT 'canceling' OR runner_id IS NOT NULL)
) STRICT;

-- Every planned instant has one system job, whatever became of it.
CREATE UNIQUE INDEX system_jobs_by_occurrence ON system_jobs (job_id, plan, occurrence_at) WHERE plan IS NOT NULL;

-- The claim takes the head of this; what waits for a token is not in it.
CREATE INDEX system_jobs_claimable ON system_jobs (priority DESC, ready_on, sequence)
    WHERE state = 0 AND blocked_by IS NULL;

CREATE INDEX system_jobs_due ON system_jobs (due_at)
    WHERE state = 1 AND reason IN ('scheduled', 'postponed', 'retrying');

CREATE INDEX system_jobs_live ON system_jobs (job_id) WHERE state < 3;

CREATE INDEX system_jobs_locked ON system_jobs (status) WHERE state = 2;

-- What may have a process: the locked, the paused, and those resumed but not yet continued.
CREATE INDEX system_jobs_held ON system_jobs (runner_id) WHERE runner_id IS NOT NULL;

-- At most one place in a token's queue each, and at most one running: the head is the one without blocked_by.
CREATE UNIQUE INDEX system_jobs_by_token ON system_jobs (dependency_token, token_seq)
    WHERE token_seq IS NOT NULL AND state < 3;
CREATE UNIQUE INDEX system_jobs_token_holder ON system_jobs (dependency_token)
    WHERE token_seq IS NOT NULL AND state < 3 AND blocked_by IS NULL;
CREATE INDEX system_jobs_blocked ON system_jobs (blocked_by) WHERE blocked_by IS NOT NULL;
CREATE INDEX system_jobs_joining ON system_jobs (occurrence_at)
    WHERE state = 1 AND dependency_token IS NOT NULL AND token_seq IS NULL;

CREATE INDEX system_jobs_by_job ON system_jobs (job_id, sequence);

-- Nothing leaves completed, and nothing suspended is locked without having been ready.
CREATE TRIGGER system_jobs_move BEFORE UPDATE OF state ON system_jobs
WHEN NOT (OLD.state = 0 AND NEW.state IN (1, 2, 3)
       OR OLD.state = 1 AND NEW.state IN (0, 1, 3)
       OR OLD.state = 2 AND NEW.state IN (0, 1, 2, 3))
BEGIN
    SELECT RAISE(ABORT, 'not a legal move');
END;

CREATE TRIGGER system_jobs_planned_instant BEFORE UPDATE OF occurrence_at ON system_jobs
WHEN NEW.occurrence_at IS NOT OLD.occurrence_at
BEGIN
    SELECT RAISE(ABORT, 'a planned instant never changes');
END;

-- Apart from the state row, so that a megabyte of data does not slow the claim.
CREATE TABLE payloads (
    sequence INTEGER PRIMARY KEY REFERENCES system_jobs ON DELETE CASCADE,
    data     TEXT,
    result   TEXT
) STRICT;

-- What columns cannot tell: operator changes, retries, pauses, skips, adoptions, edits, presence of the daemon.
CREATE TABLE events (
    id       INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    actor    INTEGER NOT NULL REFERENCES actors,
    kind     TEXT    NOT NULL,
    job_id   INTEGER REFERENCES jobs,
    sequence INTEGER,
    detail   TEXT
) STRICT;

CREATE INDEX events_by_system_job ON events (sequence, id) WHERE sequence IS NOT NULL;
CREATE INDEX events_by_job ON events (job_id, id) WHERE job_id IS NOT NULL;

-- A system job as people see it, in the order of model.SystemJob.
CREATE VIEW system_job_view AS
SELECT s.sequence, lower(hex(s.id)) AS id, s.job_id, jobs.name AS job, s.job_version_id,
       job_versions.number AS job_version, s.name, s.operation_type, s.platform, s.state, s.status, s.reason, s.claim,
       s.message_name, s.plan, s.occurrence_at, s.due_at, s.priority, s.dependency_token, s.token_seq, s.blocked_by,
       s.attempt, s.retry_count, s.lost_count, s.created_on, creator.name AS created_by, s.modified_on,
       modifier.name AS modified_by, owner.name AS owner, s.ready_on, s.started_on,
       s.continued_on, s.completed_on, s.run_time,
       s.exit_code, s.signal, s.error_code, s.message, s.friendly_message, s.stage, s.progress, s.depth,
       lower(hex(s.parent)) AS parent, s.rerun_of, s.key, s.regarding, s.dropped, s.log_bytes, hosts.name AS host,
       s.daemon_id, s.runner_id, s.pause_until, s.delete_requested, plans.time_zone AS time_zone,
       plans.spec AS recurrence_pattern, plans.start_at AS recurrence_start_at, s.utc_offset
  FROM system_jobs AS s
  JOIN jobs ON jobs.id = s.job_id
  JOIN job_versions ON job_versions.id = s.job_version_id
  JOIN actors AS creator ON creator.id = s.created_by
  JOIN actors AS modifier ON modifier.id = s.modified_by
  JOIN actors AS owner ON owner.id = s.owner
  LEFT JOIN hosts ON hosts.id = s.host_id
  LEFT JOIN plans ON plans.job_id = s.job_id AND plans.plan = s.plan;
