-- What `jobctl why` asks, and the daemon's signs of life that answer it.

-- The daemon before may have left without a word: then it was last alive when it last set its sign.
-- name: daemon_was_seen
UPDATE daemons SET seen_on = max(started_on, :at)
 WHERE id = (SELECT max(id) FROM daemons) AND stopped_on IS NULL AND :at IS NOT NULL;

-- The times without a daemon that touch the period, from the end of each to the start of the next; before the first
-- one there never was any. Of one that left before signs of life were kept, nothing is known.
-- name: absences
SELECT since, until
  FROM (SELECT lag(coalesce(stopped_on, seen_on)) OVER (ORDER BY id) AS since, lag(id) OVER (ORDER BY id) AS previous,
               started_on AS until
          FROM daemons)
 WHERE until > :after AND CASE WHEN previous IS NULL THEN 1 ELSE since < :before AND since + :shortest < until END
 ORDER BY until LIMIT 20;

-- Jumps of the clock, and when the daemon stood still: both are written down when they are over.
-- name: events_of_the_daemon
SELECT at, kind, detail FROM events
 WHERE job_id IS NULL AND sequence IS NULL AND at > :after
   AND CASE kind WHEN 'stood_still' THEN json_extract(detail, '$.since') < :before ELSE at <= :before END
 ORDER BY at LIMIT 20;

-- Asked for by their numbers: for the order's sake alone all of history would be walked over.
-- name: locked_system_jobs
SELECT * FROM system_job_view
 WHERE sequence IN (SELECT sequence FROM system_jobs WHERE state = 2)
 ORDER BY sequence;

-- Which of the ready ones the claim takes before it; the limit keeps it from counting a million, and that each part is
-- a stretch of the index keeps it from looking at what comes after.
-- name: ready_before
SELECT count(*) FROM (SELECT 1 FROM system_jobs
                       WHERE state = 0 AND blocked_by IS NULL AND priority > :priority
                       UNION ALL
                      SELECT 1 FROM system_jobs
                       WHERE state = 0 AND blocked_by IS NULL AND priority = :priority
                         AND (ready_on, sequence) < (:ready_on, :sequence)
                       LIMIT :most + 1);

-- Who has the token, and how many stand between.
-- name: token_queue
SELECT min(token_seq), count(*), (SELECT h.sequence FROM system_jobs AS h
                                   WHERE h.dependency_token = :token AND h.token_seq IS NOT NULL AND h.state < 3
                                   ORDER BY h.token_seq LIMIT 1)
  FROM system_jobs WHERE dependency_token = :token AND token_seq < :token_seq AND state < 3;

-- What ended last in the period, before it began: of its token's queue, of its job, or of all that ran. Found by its
-- end, so that no history is read.
-- name: ended_before
SELECT * FROM system_job_view
 WHERE sequence IN (SELECT sequence FROM system_jobs
                     WHERE state = 3 AND completed_on > :after AND completed_on <= :before AND sequence != :sequence
                       AND CASE WHEN :token IS NULL THEN started_on IS NOT NULL
                                ELSE dependency_token = :token AND token_seq < :token_seq END
                       AND (:job_id IS NULL OR job_id = :job_id)
                     ORDER BY completed_on DESC LIMIT :limit)
 ORDER BY completed_on;

-- Those of a job that are not completed, without its next occurrence: what is locked first, what is suspended last.
-- name: live_of_job
SELECT sequence, count(*) OVER () FROM system_jobs
 WHERE job_id = :job_id AND state < 3 AND sequence IS NOT :but
 ORDER BY CASE state WHEN 2 THEN 0 WHEN 0 THEN 1 ELSE 2 END, sequence
 LIMIT :limit;

-- name: completed_of_job
SELECT * FROM system_job_view WHERE job_id = :job_id AND state = 3 ORDER BY sequence DESC LIMIT :limit;

-- The instant of the plan that was decided next.
-- name: following
SELECT sequence FROM system_jobs
 WHERE job_id = :job_id AND plan = :plan AND occurrence_at > :occurrence_at
 ORDER BY occurrence_at LIMIT 1;

-- name: job_limit
SELECT concurrency FROM jobs WHERE id = :id;
