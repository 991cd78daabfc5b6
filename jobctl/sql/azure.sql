-- What the Azure Scheduler dialect asks. Of an Azure job's history the newest :most occurrences are read, and the newest
-- :most runs that were asked for beside them, each by an index.

-- name: azure_jobs
SELECT name, job_id, since, state
  FROM (SELECT a.name, a.job_id, a.since,
               CASE WHEN c.active AND c.paused_until >= :forever THEN 'Disabled'
                    WHEN c.active THEN 'Enabled'
                    WHEN c.ended_by = 'unscheduled' THEN 'Disabled'
                    WHEN EXISTS (SELECT 1 FROM system_jobs AS s
                                  WHERE s.job_id = a.job_id AND s.state < 3 AND +s.plan = c.plan) THEN 'Enabled'
                    -- Of a job whose successes are not kept, the last one is known by itself.
                    ELSE (SELECT iif(max(e.completed_on) IS NULL OR e.status = 30
                                     OR e.completed_on < (SELECT succeeded_on FROM alarms WHERE job_id = a.job_id),
                                     'Completed', 'Faulted')
                            FROM system_jobs AS e
                           WHERE +e.sequence > a.since AND e.state = 3 AND e.started_on IS NOT NULL
                             AND e.sequence IN (/*kept*/)) END AS state
          FROM azure_jobs AS a
          JOIN jobs ON jobs.id = a.job_id AND jobs.removed_on IS NULL
          JOIN schedules AS c ON c.job_id = a.job_id
         WHERE /*which*/)
 WHERE :states IS NULL OR state IN (SELECT value FROM json_each(:states))
 ORDER BY name LIMIT :limit OFFSET :skip;

-- name: azure_job_by_name
a.name = :name

-- name: azure_any_job
TRUE

-- The numbers of its newest system jobs.
-- name: azure_kept
SELECT sequence FROM (SELECT o.sequence FROM system_jobs AS o WHERE o.job_id = /*job*/ AND o.plan IS NOT NULL
                       ORDER BY o.plan DESC, o.occurrence_at DESC LIMIT :most)
UNION ALL
SELECT sequence FROM (SELECT o.sequence FROM system_jobs AS o WHERE o.job_id = /*job*/ AND o.message_name = 'azure'
                       ORDER BY o.sequence DESC LIMIT :most)

-- name: azure_name_of
SELECT name FROM azure_jobs WHERE job_id = :job_id;

-- name: save_azure_job
INSERT INTO azure_jobs (name, job_id, since) VALUES (:name, :job_id, :since)
ON CONFLICT (name) DO UPDATE SET job_id = excluded.job_id, since = excluded.since;

-- name: delete_azure_job
DELETE FROM azure_jobs WHERE name = :name;

-- Of each run every attempt counts: those that others followed have left an event, as has the last of one that was lost.
-- name: azure_counts
SELECT ifnull(sum(iif(attempt > 1, (SELECT count(*) FROM events AS e
                                     WHERE e.sequence = s.sequence AND e.kind IN ('retry', 'lost')) - (reason IS 'lost'),
                      0)), 0),
       count(*) FILTER (WHERE state = 3 AND started_on IS NOT NULL),
       count(*) FILTER (WHERE state = 3 AND started_on IS NOT NULL AND status != 30),
       count(*) FILTER (WHERE status = 31), max(started_on)
  FROM system_jobs AS s
 WHERE +s.sequence > :since AND s.sequence IN (/*kept*/);

-- One row for each attempt that ended, and for each run that was postponed or stands paused; newest first. `ordinal`
-- counts the occurrences of one plan, those of the one in force (:plan) from its first.
-- name: azure_history
WITH kept AS (
  SELECT s.*, CASE WHEN plan IS NULL OR ready_on IS NULL THEN 0
                   ELSE row_number() OVER (PARTITION BY plan, ready_on IS NULL ORDER BY occurrence_at)
                        + iif(plan = :plan, :fired - count(*) OVER (PARTITION BY plan, ready_on IS NULL), 0)
              END AS ordinal
    FROM system_jobs AS s
   WHERE +s.sequence > :since AND s.sequence IN (/*kept*/)),
again AS (
  SELECT e.sequence, e.kind, e.at, e.detail, row_number() OVER (PARTITION BY e.sequence ORDER BY e.id) AS part
    FROM kept CROSS JOIN events AS e ON e.sequence = kept.sequence AND e.kind IN ('retry', 'lost')
   WHERE kept.attempt > 1 OR kept.reason IS 'lost'),
entry AS (
  SELECT sequence, 1 + (SELECT count(*) FROM again WHERE again.sequence = kept.sequence) AS part,
         CASE WHEN state < 3 THEN 'Postponed' WHEN status = 30 THEN 'Completed' ELSE 'Failed' END AS status,
         ifnull(started_on, modified_on) AS begun, iif(state = 3, completed_on, NULL) AS ended,
         ifnull(occurrence_at, due_at) AS expected, retry_count, ordinal, NULL AS message
    FROM kept
   WHERE (state = 3 AND started_on IS NOT NULL) OR (state = 1 AND reason IN ('postponed', 'paused'))
  UNION ALL
  SELECT kept.sequence, again.part, 'Failed', ifnull(again.detail ->> 'started_on', again.at), again.at,
         ifnull(occurrence_at, due_at), again.part - 1, ordinal,
         ifnull(again.detail ->> 'message', iif(again.kind = 'lost', 'was lost', 'failed'))
    FROM again JOIN kept ON kept.sequence = again.sequence
   WHERE NOT (kept.reason IS 'lost' AND again.kind = 'lost'
              AND again.part = (SELECT max(last.part) FROM again AS last WHERE last.sequence = again.sequence)))
SELECT sequence, part, status, begun, ended, expected, retry_count, ordinal, message
  FROM entry
 WHERE :statuses IS NULL OR status IN (SELECT value FROM json_each(:statuses))
 ORDER BY begun DESC, sequence DESC, part DESC
 LIMIT :limit OFFSET :skip;
