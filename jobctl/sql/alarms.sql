-- Who is told of what, once for each change; and what `check` looks at.

-- name: alarm
SELECT jobs.version_id, (SELECT value FROM settings WHERE name = 'notify'), a.succeeded_on, a.expected_by,
       a.failed_on, a.missed_on, a.late_on, a.overdue_on
  FROM jobs LEFT JOIN alarms AS a ON a.job_id = jobs.id
 WHERE jobs.id = :job_id;

-- name: save_alarm
INSERT INTO alarms (job_id, succeeded_on, expected_by, failed_on, missed_on, late_on, overdue_on)
VALUES (:job_id, :succeeded_on, :expected_by, :failed_on, :missed_on, :late_on, :overdue_on)
ON CONFLICT (job_id) DO UPDATE
   SET succeeded_on = excluded.succeeded_on, expected_by = excluded.expected_by, failed_on = excluded.failed_on,
       missed_on = excluded.missed_on, late_on = excluded.late_on, overdue_on = excluded.overdue_on;

-- name: forget_alarm
DELETE FROM alarms WHERE job_id = :job_id;

-- name: expecting
SELECT job_id FROM alarms WHERE expected_by IS NOT NULL;

-- name: next_deadline
SELECT min(expected_by) FROM alarms WHERE expected_by IS NOT NULL AND overdue_on IS NULL;

-- name: overdue
SELECT job_id FROM alarms
 WHERE expected_by <= :now AND overdue_on IS NULL
 ORDER BY expected_by
 LIMIT :limit;

-- name: save_setting
INSERT INTO settings (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- A version of that job that says the same.
-- name: same_version
SELECT id FROM job_versions WHERE job_id = :job_id AND definition = :definition ORDER BY id DESC LIMIT 1;

-- The success a new deadline counts from; only asked when one is set.
-- name: last_success
SELECT completed_on FROM system_jobs WHERE job_id = :job_id AND state = 3 AND status = 30 ORDER BY sequence DESC LIMIT 1;

-- How the last runs of a job ended; by completion, as the occurrence to come is older than what is run by hand meanwhile.
-- name: recent_runs
SELECT sequence, status, completed_on
  FROM (SELECT sequence, status, completed_on FROM system_jobs
         WHERE job_id = :job_id AND state = 3 AND status IN (30, 31)
         ORDER BY sequence DESC LIMIT :limit)
 ORDER BY completed_on DESC, sequence DESC;

-- What was not run since an instant, though it was planned.
-- name: not_run
SELECT sequence, coalesce(dropped, 1) FROM system_jobs
 WHERE job_id = :job_id AND state = 3 AND reason IN ('missed', 'late') AND completed_on > :since
 ORDER BY completed_on DESC;

-- In no order: by number, all of history would be read.
-- name: held
SELECT sequence FROM system_jobs WHERE state = 1 AND reason = 'held';

-- The recorder's words for one whose processes survive SIGKILL; in no order, either.
-- name: stuck
SELECT sequence FROM system_jobs WHERE runner_id IS NOT NULL AND message LIKE 'stuck: %';

-- name: overdue_jobs
SELECT a.job_id FROM alarms AS a JOIN jobs ON jobs.id = a.job_id
 WHERE a.expected_by <= :now AND jobs.removed_on IS NULL
 ORDER BY a.expected_by;

-- name: told
SELECT sequence, job_version_id, status FROM system_jobs
 WHERE job_id = :job_id AND state = 3 AND status IN (30, 31)
 ORDER BY sequence DESC LIMIT 200;

-- name: load
SELECT (SELECT count(*) FROM system_jobs WHERE state = 2),
       (SELECT min(coalesce(continued_on, started_on)) FROM system_jobs WHERE state = 2),
       (SELECT count(*) FROM system_jobs WHERE state = 0 AND blocked_by IS NULL),
       (SELECT min(ready_on) FROM system_jobs WHERE state = 0 AND blocked_by IS NULL),
       EXISTS (SELECT 1 FROM system_jobs WHERE state < 3) OR EXISTS (SELECT 1 FROM schedules WHERE active);

-- name: lately
SELECT at, kind, detail FROM events
 WHERE job_id IS NULL AND sequence IS NULL AND at >= :since AND kind IN ('clock_jump', 'stood_still')
 ORDER BY at DESC LIMIT 100;

-- name: runner_identities
SELECT boot_id, pid_namespace, pid, start_time FROM runners;
