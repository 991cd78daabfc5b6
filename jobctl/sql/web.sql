-- What only the HTTP service asks. No statement reads more of history than its newest part.

-- What is not completed, through the index of those.
-- name: live_counts
SELECT state, status, coalesce(reason, ''), count(*) FROM system_jobs WHERE state < 3 AND NOT platform
 GROUP BY state, status, reason;

-- All that were ever made.
-- name: greatest_sequence
SELECT max(ifnull((SELECT max(sequence) FROM system_jobs), 0), last) FROM numbers;

-- name: recent_counts
SELECT status, count(*), ifnull(sum(retry_count), 0)
  FROM (SELECT status, retry_count, platform FROM system_jobs WHERE state = 3 AND completed_on >= :since
         ORDER BY completed_on DESC LIMIT :most)
 WHERE NOT platform
 GROUP BY status;

-- Nearest-rank percentiles of the newest ends: how long they ran, and how long after they might they began.
-- name: recent_spreads
WITH newest AS (
  SELECT status, run_time, started_on, due_at, platform FROM system_jobs
   WHERE state = 3 AND completed_on >= :since
   ORDER BY completed_on DESC LIMIT :most),
value AS (
  SELECT 'duration' AS measure, run_time AS length FROM newest
   WHERE status != 32 AND started_on IS NOT NULL AND run_time IS NOT NULL AND NOT platform
   UNION ALL
  SELECT 'lateness', max(started_on - due_at, 0) FROM newest WHERE started_on IS NOT NULL AND NOT platform),
ranked AS (
  SELECT measure, length, row_number() OVER (PARTITION BY measure ORDER BY length) AS place,
         count(*) OVER (PARTITION BY measure) AS number
    FROM value)
SELECT measure, min(length) FILTER (WHERE place = (number + 1) / 2),
       min(length) FILTER (WHERE place = (95 * number + 99) / 100), max(length), max(number), sum(length)
  FROM ranked GROUP BY measure;

-- How long the first in the queue has been ready, of those that wait for nothing but a slot.
-- name: oldest_ready
SELECT min(ready_on) FROM system_jobs WHERE state = 0 AND blocked_by IS NULL;

-- What changed last, for those who watch: all that runs, and the newest of what waits and of what is completed.
-- name: latest_changed
SELECT * FROM system_job_view
 WHERE sequence IN (SELECT sequence FROM system_jobs WHERE state = 2
                    UNION ALL
                    SELECT * FROM (SELECT sequence FROM system_jobs WHERE state = 1 AND NOT platform
                                    ORDER BY modified_on DESC LIMIT :limit)
                    UNION ALL
                    SELECT * FROM (SELECT sequence FROM system_jobs WHERE state = 3 AND NOT platform
                                    ORDER BY completed_on DESC LIMIT :limit))
   AND NOT platform
 ORDER BY modified_on DESC, sequence DESC
 LIMIT :limit;

-- What the page's filters mean in numbers; a name may have been another job's before.
-- name: jobs_named
SELECT id FROM jobs WHERE name = :name;

-- name: versions_tagged
SELECT DISTINCT v.id FROM job_versions AS v, json_each(v.definition, '$.tags') AS tag WHERE tag.value = :tag;
