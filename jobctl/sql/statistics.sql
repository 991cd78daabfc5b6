-- How the jobs did since an instant. Of each measure the database gives a few numbers, never the rows behind them.
-- :names is a JSON array, or null for all jobs; jobctl's own maintenance is not among them.

-- Who is told of: what is defined, and what ran under a name that is free again. The newest of each job tells enough.
-- name: measured_names
SELECT DISTINCT jobs.name
  FROM jobs LEFT JOIN system_jobs AS newest
    ON newest.sequence = (SELECT max(s.sequence) FROM system_jobs AS s WHERE s.job_id = jobs.id)
 WHERE (:names IS NULL OR jobs.name IN (SELECT value FROM json_each(:names)))
   AND ((jobs.removed_on IS NULL AND jobs.version_id IS NOT NULL)
        OR (newest.sequence IS NOT NULL
            AND (:names IS NOT NULL OR newest.state < 3 OR newest.completed_on >= :since)))
   AND NOT ifnull(newest.platform, 0)
 ORDER BY jobs.name;

-- How those ended that ended since then.
-- name: final_counts
SELECT jobs.name, count(*) FILTER (WHERE s.status = 30), count(*) FILTER (WHERE s.status = 31),
       count(*) FILTER (WHERE s.status = 32), count(s.started_on), sum(s.retry_count)
  FROM system_jobs AS s JOIN jobs ON jobs.id = s.job_id
 WHERE s.state = 3 AND s.completed_on >= :since AND NOT s.platform
   AND (:names IS NULL OR jobs.name IN (SELECT value FROM json_each(:names)))
 GROUP BY jobs.name;

-- Nearest-rank percentiles: how long those ran that succeeded or failed, and how long after they might they began.
-- name: spreads
WITH value AS (
  SELECT s.job_id, 'duration' AS measure, s.run_time AS length
    FROM system_jobs AS s
   WHERE s.state = 3 AND s.completed_on >= :since AND s.status != 32 AND s.started_on IS NOT NULL
     AND s.run_time IS NOT NULL AND NOT s.platform
   UNION ALL
  SELECT s.job_id, 'lateness', max(s.started_on - s.due_at, 0)
    FROM system_jobs AS s
   WHERE s.state = 3 AND s.completed_on >= :since AND s.started_on IS NOT NULL AND NOT s.platform),
ranked AS (
  SELECT jobs.name, measure, length,
         row_number() OVER (PARTITION BY jobs.name, measure ORDER BY length) AS place,
         count(*) OVER (PARTITION BY jobs.name, measure) AS number
    FROM value JOIN jobs ON jobs.id = value.job_id
   WHERE :names IS NULL OR jobs.name IN (SELECT value FROM json_each(:names)))
SELECT name, measure, min(length) FILTER (WHERE place = (number + 1) / 2),
       min(length) FILTER (WHERE place = (95 * number + 99) / 100), max(length)
  FROM ranked GROUP BY name, measure;

-- The last few of each job, the oldest of them first, and how they ended.
-- name: recent_ends
SELECT name, sequence, status, reason, exit_code, completed_on, started_on IS NOT NULL, run_time
  FROM (SELECT jobs.name, s.sequence, s.status, s.reason, s.exit_code, s.completed_on, s.started_on, s.run_time,
               row_number() OVER (PARTITION BY jobs.name ORDER BY s.completed_on DESC, s.sequence DESC) AS place
          FROM system_jobs AS s JOIN jobs ON jobs.id = s.job_id
         WHERE s.state = 3 AND s.completed_on >= :since AND NOT s.platform
           AND (:names IS NULL OR jobs.name IN (SELECT value FROM json_each(:names))))
 WHERE place <= :most
 ORDER BY name, place DESC;

-- name: next_dues
SELECT jobs.name, min(s.due_at)
  FROM system_jobs AS s JOIN jobs ON jobs.id = s.job_id
 WHERE s.state < 3 AND s.state = 1 AND s.reason IN ('scheduled', 'postponed', 'retrying')
   AND (:names IS NULL OR jobs.name IN (SELECT value FROM json_each(:names)))
 GROUP BY jobs.name;

-- The newest that ended, however long ago.
-- name: last_ends
SELECT name, sequence, status, reason, exit_code, completed_on, started_on IS NOT NULL, run_time
  FROM (SELECT jobs.name, s.*, row_number() OVER (PARTITION BY jobs.name ORDER BY s.sequence DESC) AS place
          FROM jobs JOIN system_jobs AS s
            ON s.sequence = (SELECT n.sequence FROM system_jobs AS n
                              WHERE n.job_id = jobs.id AND n.state = 3 ORDER BY n.sequence DESC LIMIT 1)
         WHERE :names IS NULL OR jobs.name IN (SELECT value FROM json_each(:names)))
 WHERE place = 1;
