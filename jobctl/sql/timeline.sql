-- Runs on an axis of time.

-- What lies between :from and :to, for each name and kind: from which cell of the axis to which one, and how many. With
-- :each every one by itself. What ended is found by its end, so that a long history is not read; the names are those
-- that were active last. Kinds: succeeded, failed (also an attempt that was retried), canceled, not_run (its planned
-- instant passed without it), running, paused, waiting, next. An axis of centuries is cut by a coarser :unit than the
-- microsecond, as 64 bits do not hold the product.
-- name: timeline
WITH chosen AS NOT MATERIALIZED (
  SELECT s.*
    FROM system_jobs AS s
   WHERE (:states IS NULL OR s.state IN (SELECT value FROM json_each(:states)))
     AND (:statuses IS NULL OR s.status IN (SELECT value FROM json_each(:statuses)))
     AND (:reasons IS NULL OR s.reason IN (SELECT value FROM json_each(:reasons)))
     AND (:token IS NULL OR s.dependency_token = :token)
     AND (:operation_type IS NULL OR s.operation_type = :operation_type)
     AND (:platform OR NOT s.platform)
     AND (:message_name IS NULL OR s.message_name = :message_name)
     AND (:job IS NULL OR s.job_id IN (SELECT id FROM jobs WHERE name = :job))
     AND (:owner IS NULL OR s.owner IN (SELECT id FROM actors WHERE name = :owner))
     AND (:tag IS NULL OR s.job_version_id IN (SELECT v.id FROM job_versions AS v, json_each(v.definition, '$.tags') AS tag
                                                WHERE tag.value = :tag))),
run AS NOT MATERIALIZED (
  SELECT * FROM chosen WHERE state < 3
   UNION ALL
  SELECT * FROM chosen WHERE state = 3 AND completed_on >= :from),
bar AS (
  SELECT sequence, job_id, name, status, reason,
         CASE WHEN state = 3 AND (started_on IS NOT NULL OR status != 32)
              THEN CASE status WHEN 30 THEN 'succeeded' WHEN 31 THEN 'failed' ELSE 'canceled' END
              WHEN state = 3 THEN CASE WHEN reason IN ('user', 'unscheduled', 'daemon_stopped') THEN 'canceled'
                                       ELSE 'not_run' END
              WHEN runner_id IS NOT NULL AND started_on IS NOT NULL THEN 'running'
              WHEN state != 1 THEN 'waiting'
              WHEN reason NOT IN ('scheduled', 'postponed', 'retrying') THEN NULL
              WHEN due_at <= :now THEN 'waiting'
              ELSE 'next' END AS kind,
         CASE WHEN state = 3 AND started_on IS NULL AND reason NOT IN ('user', 'unscheduled', 'daemon_stopped', 'spawn')
              THEN coalesce(occurrence_at, due_at)
              WHEN state = 3 THEN coalesce(started_on, completed_on)
              WHEN runner_id IS NOT NULL AND started_on IS NOT NULL THEN started_on
              WHEN state != 1 THEN ready_on
              ELSE due_at END AS begins,
         CASE WHEN state = 3 AND started_on IS NULL AND reason NOT IN ('user', 'unscheduled', 'daemon_stopped', 'spawn')
              THEN coalesce(occurrence_at, due_at)
              WHEN state = 3 THEN completed_on
              WHEN state = 2 THEN NULL
              WHEN runner_id IS NOT NULL AND started_on IS NOT NULL
              THEN (SELECT max(at) FROM events WHERE events.sequence = run.sequence AND events.kind = 'paused')
              WHEN state = 1 AND due_at > :now THEN due_at END AS ends
    FROM run
   UNION ALL
  SELECT run.sequence, run.job_id, run.name, 31, NULL, 'failed', events.at, events.at
    FROM run CROSS JOIN events ON events.sequence = run.sequence AND events.kind = 'retry'
   WHERE run.retry_count > 0
   UNION ALL
  SELECT sequence, job_id, name, status, reason, 'paused', at,
         CASE WHEN following IS NULL AND continued_on > at THEN continued_on ELSE coalesce(following, completed_on) END
    FROM (SELECT run.*, events.at,
                 (SELECT later.at FROM events AS later
                   WHERE later.sequence = run.sequence AND later.id > events.id AND later.kind IN ('paused', 'resume')
                   ORDER BY later.id LIMIT 1) AS following
            FROM run CROSS JOIN events ON events.sequence = run.sequence AND events.kind = 'paused'
           WHERE run.started_on IS NOT NULL
             AND (run.state < 3 OR run.completed_on - run.started_on - ifnull(run.run_time, 0) >= :pause))),
seen AS (
  SELECT *, max(begins, coalesce(ends, :now)) AS until FROM bar
   WHERE kind IS NOT NULL AND begins <= :to AND max(begins, coalesce(ends, :now)) >= :from),
named AS (
  SELECT name, count(*) OVER () AS names FROM seen GROUP BY name ORDER BY max(until) DESC, name LIMIT :limit)
SELECT seen.name, seen.kind,
       max((seen.begins - :from) / :unit * :cells / ((:to - :from) / :unit), 0) AS first,
       min((seen.until - :from) / :unit * :cells / ((:to - :from) / :unit), :cells - 1) AS last,
       count(*), min(seen.begins), max(seen.until), named.names, min(seen.sequence),
       min(jobs.name), min(seen.status), min(seen.reason),
       max(seen.ends IS NULL)
  FROM seen JOIN named ON named.name = seen.name JOIN jobs ON jobs.id = seen.job_id
 GROUP BY seen.name, seen.kind, first, last, CASE WHEN :each THEN seen.sequence END, CASE WHEN :each THEN seen.begins END
 ORDER BY min(seen.begins), min(seen.sequence)
 LIMIT :most;
