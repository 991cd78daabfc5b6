-- What Azure Scheduler's dialect asks of a job's executions: those made since its schedule was, as far as they began.

-- name: recurrences
SELECT jobs.name FROM schedules JOIN jobs ON jobs.id = schedules.job_id
 WHERE jobs.removed_on IS NULL AND json_extract(schedules.spec, '$.notation') = 'azure'
   AND (schedules.active OR schedules.ended_by = 'finished')
 ORDER BY jobs.name;

-- Attempts, failed attempts, executions that failed for good, the newest begin, and the newest result.
-- name: executions_counted
WITH newest AS (
  SELECT sequence, state, status, attempt, retry_count, started_on FROM system_jobs
   WHERE job_id = :job_id AND created_on >= :since AND attempt > 0
   ORDER BY sequence DESC LIMIT :most)
SELECT ifnull(sum(attempt), 0), ifnull(sum(retry_count) + count(*) FILTER (WHERE status = 31), 0),
       count(*) FILTER (WHERE status = 31), max(started_on),
       (SELECT status FROM newest WHERE state = 3 ORDER BY sequence DESC LIMIT 1)
  FROM newest;

-- name: executions
WITH newest AS (
  SELECT sequence, state, status, reason, started_on, completed_on, occurrence_at, due_at, message, retry_count
    FROM system_jobs
   WHERE job_id = :job_id AND created_on >= :since AND attempt > 0
   ORDER BY sequence DESC LIMIT :most),
begun (number) AS (
  SELECT count(*) FROM (SELECT 1 FROM system_jobs WHERE job_id = :job_id AND created_on >= :since AND attempt > 0
                         ORDER BY sequence DESC LIMIT :counted)),
told AS (
  SELECT sequence, begun.number + 1 - row_number() OVER (ORDER BY sequence DESC) AS ordinal,
         CASE WHEN state = 1 THEN 'Postponed' WHEN status = 30 THEN 'Completed' ELSE 'Failed' END AS outcome,
         coalesce(started_on, completed_on, due_at) AS began, completed_on, coalesce(occurrence_at, due_at) AS expected,
         message, retry_count, state
    FROM newest, begun)
SELECT ordinal, outcome, began, completed_on, expected, message, retry_count FROM told
 WHERE state IN (1, 3) AND (:only IS NULL OR lower(outcome) = :only)
 ORDER BY sequence DESC
 LIMIT :limit OFFSET :skip;
