-- What a schedule says of late and overlapping occurrences, when it is paused, and what it last ran for a boot.

ALTER TABLE schedules ADD COLUMN catch_up_window INTEGER CHECK (catch_up_window >= 0);
ALTER TABLE schedules ADD COLUMN late_limit INTEGER CHECK (late_limit >= 0);
ALTER TABLE schedules ADD COLUMN jitter INTEGER NOT NULL DEFAULT 0 CHECK (jitter >= 0);
ALTER TABLE schedules ADD COLUMN paused_from INTEGER;
ALTER TABLE schedules ADD COLUMN paused_until INTEGER CHECK ((paused_until IS NULL) = (paused_from IS NULL));
ALTER TABLE schedules ADD COLUMN pause_reason TEXT;
ALTER TABLE schedules ADD COLUMN boot_id TEXT;

-- Within a plan; a new one may go back, when the clock was in a wrong future.
DROP TRIGGER planned_through_never_falls;
CREATE TRIGGER planned_through_never_falls BEFORE UPDATE OF planned_through ON schedules
WHEN NEW.plan = OLD.plan AND OLD.planned_through IS NOT NULL
 AND (NEW.planned_through IS NULL OR NEW.planned_through < OLD.planned_through)
BEGIN
    SELECT RAISE(ABORT, 'planned_through never falls');
END;

-- The latest instant at which it may begin, and on whose behalf it is being canceled.
ALTER TABLE system_jobs ADD COLUMN start_by INTEGER;
ALTER TABLE system_jobs ADD COLUMN cancel_reason TEXT;

CREATE INDEX system_jobs_start_by ON system_jobs (start_by) WHERE state = 0 AND start_by IS NOT NULL;

-- A system job as people see it, in the order of model.SystemJob.
DROP VIEW system_job_view;
CREATE VIEW system_job_view AS
SELECT s.sequence, lower(hex(s.id)) AS id, s.job_id, jobs.name AS job, s.job_version_id,
       job_versions.number AS job_version, s.name, s.operation_type, s.platform, s.state, s.status, s.reason, s.claim,
       s.message_name, s.plan, s.occurrence_at, s.due_at, s.start_by, s.priority, s.dependency_token, s.token_seq,
       s.blocked_by, s.attempt, s.retry_count, s.lost_count, s.created_on, creator.name AS created_by, s.modified_on,
       modifier.name AS modified_by, owner.name AS owner, s.ready_on, s.started_on,
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
