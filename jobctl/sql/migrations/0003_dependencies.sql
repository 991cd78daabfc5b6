-- What a system job waits for beside its time: predecessors, events, its job's limit. And signs of life of the daemon.

CREATE TABLE waits (
    sequence  INTEGER NOT NULL REFERENCES system_jobs ON DELETE CASCADE,
    after     INTEGER NOT NULL,
    condition TEXT    NOT NULL CHECK (condition IN ('success', 'failure', 'any')),
    -- Kept when it is met, so that it can be told what it waited for.
    met_on    INTEGER,
    PRIMARY KEY (sequence, after)
) STRICT, WITHOUT ROWID;

CREATE INDEX waits_by_predecessor ON waits (after) WHERE met_on IS NULL;

ALTER TABLE system_jobs ADD COLUMN event TEXT;
CREATE INDEX system_jobs_waiting_for_event ON system_jobs (event) WHERE event IS NOT NULL AND state = 1;

-- The same key again is the same request.
CREATE UNIQUE INDEX system_jobs_by_key ON system_jobs (job_id, key) WHERE key IS NOT NULL;

ALTER TABLE jobs ADD COLUMN concurrency INTEGER CHECK (concurrency >= 1);
CREATE INDEX jobs_limited ON jobs (id) WHERE concurrency IS NOT NULL;
CREATE INDEX system_jobs_running ON system_jobs (job_id) WHERE state = 2;

-- When it was last known to be alive: what is between that and the next one's start was an absence.
ALTER TABLE daemons ADD COLUMN seen_on INTEGER;
-- What happened to no job in particular: jumps of the clock, standstills of the daemon.
CREATE INDEX events_of_the_daemon ON events (at) WHERE job_id IS NULL AND sequence IS NULL;

-- For retention: what ended longest ago.
CREATE INDEX system_jobs_completed ON system_jobs (completed_on) WHERE state = 3;

-- A system job as people see it, in the order of model.SystemJob.
DROP VIEW system_job_view;
CREATE VIEW system_job_view AS
SELECT s.sequence, lower(hex(s.id)) AS id, s.job_id, jobs.name AS job, s.job_version_id,
       job_versions.number AS job_version, s.name, s.operation_type, s.platform, s.state, s.status, s.reason, s.claim,
       s.message_name, s.plan, s.occurrence_at, s.due_at, s.start_by, s.priority, s.dependency_token, s.token_seq,
       s.blocked_by, s.event, s.attempt, s.retry_count, s.lost_count, s.created_on, creator.name AS created_by,
       s.modified_on, modifier.name AS modified_by, owner.name AS owner, s.ready_on, s.started_on,
       s.continued_on, s.completed_on, s.run_time,
       s.exit_code, s.signal, s.error_code, s.message, s.friendly_message, s.stage, s.progress, s.depth,
       lower(hex(s.parent)) AS parent, s.rerun_of, s.key, s.regarding, s.dropped, s.log_bytes, hosts.name AS host,
       s.daemon_id, s.runner_id, s.pause_until, s.delete_requested, s.cancel_reason, plans.time_zone AS time_zone,
       plans.spec AS recurrence_pattern, plans.start_at AS recurrence_start_at, s.utc_offset
  FROM system_jobs AS s
  JOIN jobs ON jobs.id = s.job_id
  JOIN job_versions ON job_versions.id = s.job_version_id
  JOIN actors AS creator ON creator.id = s.created_by
  JOIN actors AS modifier ON modifier.id = s.modified_by
  JOIN actors AS owner ON owner.id = s.owner
  LEFT JOIN hosts ON hosts.id = s.host_id
  LEFT JOIN plans ON plans.job_id = s.job_id AND plans.plan = s.plan;

-- What was told of a job and not yet taken back by a success, so that each change is told once; and by when a success
-- is expected of it.
CREATE TABLE alarms (
    job_id       INTEGER PRIMARY KEY REFERENCES jobs,
    succeeded_on INTEGER,
    expected_by  INTEGER,
    failed_on    INTEGER,
    missed_on    INTEGER,
    late_on      INTEGER,
    overdue_on   INTEGER
) STRICT;

-- What a person has to hear of, found without reading history.
CREATE INDEX system_jobs_not_run ON system_jobs (job_id, completed_on)
    WHERE state = 3 AND reason IN ('missed', 'late');
CREATE INDEX system_jobs_for_a_person ON system_jobs (job_id) WHERE state = 1 AND reason = 'held';

CREATE INDEX alarms_expected ON alarms (expected_by) WHERE expected_by IS NOT NULL AND overdue_on IS NULL;

-- What the daemon was started with and others have to know.
CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
