-- System jobs that a filter chooses: page by page, on a live screen, and as they change. Every filter is optional, and
-- the lists are JSON arrays; names are looked up once, so that a long history is read without joining anything.

-- In the order of their numbers, so that what a change adds behind :through is never reached.
-- name: chosen_page
SELECT s.sequence
  FROM system_jobs AS s
 WHERE s.sequence > :after AND s.sequence <= :through
   AND (:states IS NULL OR s.state IN (SELECT value FROM json_each(:states)))
   AND (:statuses IS NULL OR s.status IN (SELECT value FROM json_each(:statuses)))
   AND (:reasons IS NULL OR s.reason IN (SELECT value FROM json_each(:reasons)))
   AND (:since IS NULL OR s.created_on >= :since)
   AND (:until IS NULL OR s.created_on <= :until)
   AND (:token IS NULL OR s.dependency_token = :token)
   AND (:operation_type IS NULL OR s.operation_type = :operation_type)
   AND (:platform OR NOT s.platform)
   AND (:message_name IS NULL OR s.message_name = :message_name)
   AND (:job IS NULL OR s.job_id IN (SELECT id FROM jobs WHERE name = :job))
   AND (:owner IS NULL OR s.owner IN (SELECT id FROM actors WHERE name = :owner))
   AND (:tag IS NULL OR s.job_version_id IN (SELECT v.id FROM job_versions AS v, json_each(v.definition, '$.tags') AS tag
                                              WHERE tag.value = :tag))
 ORDER BY s.sequence
 LIMIT :limit;

-- name: newest_sequence
SELECT coalesce(max(sequence), 0) FROM system_jobs;

-- What a live screen has room for: class 0 runs, the longest first; class 1 waits, the next to go on first; class 2 has
-- ended, the latest first. `total` counts those of a class, but not what has ended: that would read all of history.
-- name: screen
WITH chosen AS NOT MATERIALIZED (
  SELECT s.sequence, s.state, s.reason, s.priority, s.runner_id, s.ready_on, s.due_at, s.started_on, s.completed_on
    FROM system_jobs AS s
   WHERE (:states IS NULL OR s.state IN (SELECT value FROM json_each(:states)))
     AND (:statuses IS NULL OR s.status IN (SELECT value FROM json_each(:statuses)))
     AND (:reasons IS NULL OR s.reason IN (SELECT value FROM json_each(:reasons)))
     AND (:since IS NULL OR s.created_on >= :since)
     AND (:until IS NULL OR s.created_on <= :until)
     AND (:token IS NULL OR s.dependency_token = :token)
     AND (:operation_type IS NULL OR s.operation_type = :operation_type)
     AND (:platform OR NOT s.platform)
     AND (:message_name IS NULL OR s.message_name = :message_name)
     AND (:job IS NULL OR s.job_id IN (SELECT id FROM jobs WHERE name = :job))
     AND (:owner IS NULL OR s.owner IN (SELECT id FROM actors WHERE name = :owner))
     AND (:tag IS NULL OR s.job_version_id IN (SELECT v.id FROM job_versions AS v, json_each(v.definition, '$.tags') AS tag
                                                WHERE tag.value = :tag))),
live AS (
  SELECT sequence, state != 2 AS class, count(*) OVER (PARTITION BY state != 2) AS total,
         row_number() OVER (PARTITION BY state != 2
                            ORDER BY CASE WHEN state = 2 THEN 0
                                          WHEN runner_id IS NOT NULL THEN 1
                                          WHEN state = 0 THEN 2
                                          WHEN reason IN ('scheduled', 'postponed', 'retrying') THEN 3
                                          ELSE 4 END,
                                     CASE state WHEN 0 THEN -priority ELSE 0 END,
                                     CASE state WHEN 2 THEN coalesce(started_on, due_at)
                                                WHEN 0 THEN ready_on
                                                ELSE due_at END,
                                     sequence) AS place
    FROM chosen WHERE state < 3),
ended AS (
  SELECT sequence, completed_on FROM chosen WHERE state = 3 ORDER BY completed_on DESC, sequence DESC LIMIT :limit)
SELECT sequence, class, total, place FROM live WHERE place <= :limit
UNION ALL
SELECT sequence, 2, NULL, row_number() OVER (ORDER BY completed_on DESC, sequence DESC) FROM ended
 ORDER BY 2, 4;

-- What changes of those that are not completed: a mark beside each.
-- name: live_marks
SELECT sequence, modified_on, claim, progress, stage, message FROM system_jobs WHERE state < 3;

-- name: submitted_after
SELECT sequence FROM system_jobs WHERE sequence > :sequence ORDER BY sequence;

-- Parts of a transaction that can be undone by themselves.
-- name: begin_part
SAVEPOINT part;

-- name: undo_part
ROLLBACK TO part;

-- name: end_part
RELEASE part;
