-- The daemon's turn: what is claimed, what runners report of it, and what has to be told to them.

-- The head of the queue, in its order, with what a runner has to know; one that has processes keeps its runner and
-- its definition. Read and locked in one transaction, so that two daemons cannot take the same system job.
-- name: queue
SELECT s.sequence, lower(hex(s.id)), s.job_id,
       CASE WHEN s.runner_id IS NULL THEN coalesce(jobs.version_id, s.job_version_id) ELSE s.job_version_id END,
       s.priority, s.claim + 1, s.attempt, s.depth, s.runner_id, jobs.concurrency,
       CASE WHEN jobs.concurrency IS NULL THEN 0
            ELSE (SELECT count(*) FROM system_jobs AS r WHERE r.job_id = s.job_id AND r.state = 2) END,
       CASE WHEN octet_length(payloads.data) <= :inline THEN payloads.data END,
       coalesce(octet_length(payloads.data), 0)
  FROM system_jobs AS s
  JOIN jobs ON jobs.id = s.job_id
  LEFT JOIN payloads ON payloads.sequence = s.sequence
 WHERE s.state = 0 AND s.blocked_by IS NULL AND (s.runner_id IS NULL OR s.host_id = :host_id)
   AND s.job_id NOT IN (SELECT j.id FROM jobs AS j
                         WHERE j.concurrency IS NOT NULL
                           AND j.concurrency <= (SELECT count(*) FROM system_jobs AS r
                                                  WHERE r.job_id = j.id AND r.state = 2))
 ORDER BY s.priority DESC, s.ready_on, s.sequence
 LIMIT :limit;

-- Those of one definition for one runner; one that still has its processes keeps its start.
-- name: lock
UPDATE system_jobs
   SET state = 2, status = 20, claim = claim + 1, modified_on = :now, modified_by = :actor, host_id = :host_id,
       daemon_id = :daemon_id, log_host = :host_id, job_version_id = :job_version_id,
       started_on = CASE WHEN runner_id IS NULL THEN NULL ELSE started_on END,
       continued_on = CASE WHEN runner_id IS NULL THEN NULL ELSE :now END,
       run_time = CASE WHEN runner_id IS NULL THEN NULL ELSE run_time END,
       runner_id = :runner_id
 WHERE sequence IN (SELECT value FROM json_each(:sequences)) AND state = 0;

-- What was claimed for these runners in the commits that submitted it; whether everybody goes on with it, and whether
-- anything else is ready by now.
-- name: guests
SELECT s.runner_id, s.status = 20 AND NOT s.delete_requested,
       EXISTS (SELECT 1 FROM system_jobs WHERE state = 0 AND blocked_by IS NULL),
       s.sequence, lower(hex(s.id)), s.job_id, s.job_version_id, s.priority, s.claim, s.attempt, s.depth, NULL, NULL, 0,
       CASE WHEN octet_length(payloads.data) <= :inline THEN payloads.data END,
       coalesce(octet_length(payloads.data), 0)
  FROM system_jobs AS s
  LEFT JOIN payloads ON payloads.sequence = s.sequence
 WHERE s.runner_id IN (SELECT value FROM json_each(:runners)) AND s.state = 2 AND s.started_on IS NULL;

-- What comes first, of as many as could begin: the limit keeps it from counting a million.
-- name: claimable
SELECT CASE WHEN s.runner_id IS NULL THEN coalesce(jobs.version_id, s.job_version_id) ELSE s.job_version_id END,
       s.priority
  FROM system_jobs AS s JOIN jobs ON jobs.id = s.job_id
 WHERE s.state = 0 AND s.blocked_by IS NULL AND (s.runner_id IS NULL OR s.host_id = :host_id)
   AND s.job_id NOT IN (SELECT j.id FROM jobs AS j
                         WHERE j.concurrency IS NOT NULL
                           AND j.concurrency <= (SELECT count(*) FROM system_jobs AS r
                                                  WHERE r.job_id = j.id AND r.state = 2))
 ORDER BY s.priority DESC, s.ready_on, s.sequence
 LIMIT :limit;

-- name: record_begin
UPDATE system_jobs SET started_on = :at, attempt = :attempt, message = NULL, modified_on = :now, modified_by = :actor
 WHERE sequence = :sequence AND claim = :claim AND runner_id = :runner_id AND started_on IS NULL AND state = 2
RETURNING name;

-- Ordinary ends: they succeeded, nobody asked anything of them meanwhile, and nobody waits for them. They are gathered
-- in a table of this connection, so that each step is one statement for all of a runner's. Who locked them is the one who
-- writes here, so `modified_by` stays: a statement that sets what refers to other tables reads and checks far more.
-- name: ends_table
CREATE TEMP TABLE IF NOT EXISTS ends (
    sequence INTEGER PRIMARY KEY, claim INTEGER, attempt INTEGER, at INTEGER, ended_on INTEGER, run_time INTEGER,
    result TEXT, exit_code INTEGER, message TEXT, log_bytes INTEGER, progress REAL, stage TEXT
);

-- name: add_quick_end
INSERT INTO temp.ends (sequence, claim, attempt, at, ended_on, run_time, result)
VALUES (:sequence, :claim, :attempt, :at, :ended_on, :run_time, :result);

-- name: add_end
INSERT INTO temp.ends
VALUES (:sequence, :claim, :attempt, :at, :ended_on, :run_time, :result, :exit_code, :message, :log_bytes, :progress,
        :stage);

-- What takes the longer way. The signs keep it from another way to a row than by its number.
-- name: take_out_others
DELETE FROM temp.ends AS e
 WHERE NOT EXISTS (SELECT 1 FROM system_jobs AS s
                    WHERE s.sequence = e.sequence AND s.claim = e.claim AND +s.runner_id = :runner_id
                      AND +s.state = 2 AND +s.status = 20 AND +s.modified_by = :actor AND NOT s.delete_requested)
    OR EXISTS (SELECT 1 FROM system_jobs AS b WHERE b.blocked_by = e.sequence)
    OR EXISTS (SELECT 1 FROM waits WHERE after = e.sequence AND met_on IS NULL)
RETURNING sequence;

-- A begin that was not told goes with it.
-- name: succeed
UPDATE system_jobs AS s
   SET state = 3, status = 30, signal = NULL, error_code = NULL, runner_id = NULL, modified_on = :now,
       (started_on, attempt, completed_on, run_time, exit_code, message, log_bytes, progress, stage)
       = (SELECT coalesce(s.started_on, e.at), e.attempt, e.ended_on, e.run_time, e.exit_code,
                 CASE WHEN s.started_on IS NULL THEN e.message ELSE coalesce(e.message, s.message) END,
                 coalesce(s.log_bytes, 0) + coalesce(e.log_bytes, 0), coalesce(e.progress, s.progress),
                 coalesce(e.stage, s.stage)
            FROM temp.ends AS e WHERE e.sequence = s.sequence)
 WHERE sequence IN (SELECT sequence FROM temp.ends);

-- The same of a single one, if it is ordinary.
-- name: succeed_alone
UPDATE system_jobs
   SET state = 3, status = 30, signal = NULL, error_code = NULL, runner_id = NULL, modified_on = :now,
       started_on = coalesce(started_on, :at), attempt = :attempt, completed_on = :ended_on,
       run_time = :run_time, exit_code = :exit_code,
       message = CASE WHEN started_on IS NULL THEN :message ELSE coalesce(:message, message) END,
       log_bytes = coalesce(log_bytes, 0) + coalesce(:log_bytes, 0), progress = coalesce(:progress, progress),
       stage = coalesce(:stage, stage)
 WHERE sequence = :sequence AND claim = :claim AND +runner_id = :runner_id
   AND +state = 2 AND +status = 20 AND +modified_by = :actor AND NOT delete_requested
   AND NOT EXISTS (SELECT 1 FROM system_jobs AS b WHERE b.blocked_by = :sequence)
   AND NOT EXISTS (SELECT 1 FROM waits WHERE after = :sequence AND met_on IS NULL);

-- name: save_ends_results
INSERT INTO payloads (sequence, result)
SELECT sequence, result FROM temp.ends WHERE result IS NOT NULL AND result != :none
    ON CONFLICT (sequence) DO UPDATE SET result = excluded.result;

-- name: clear_ends
DELETE FROM temp.ends;

-- name: record_report
UPDATE system_jobs
   SET progress = coalesce(:progress, progress), stage = coalesce(:stage, stage), message = coalesce(:message, message)
 WHERE sequence = :sequence AND runner_id = :runner_id AND state < 3;

-- What an attempt's end is allowed to speak about: its own claim, or a later one that only continued the same processes.
-- name: of_attempt
SELECT * FROM system_job_view
 WHERE sequence = :sequence AND runner_id = :runner_id AND state < 3
   AND (claim = :claim OR (claim > :claim AND attempt = :attempt AND started_on IS NOT NULL));

-- Operators' wishes about processes: what is locked and shall stop, and what is suspended and shall be gone.
-- name: wishes
SELECT sequence, claim, runner_id, state, status, started_on IS NOT NULL FROM system_jobs
 WHERE state = 2 AND status > 20
UNION ALL
SELECT sequence, claim, runner_id, state, status, 1 FROM system_jobs
 WHERE runner_id IS NOT NULL AND state = 1 AND reason = 'canceling';

-- name: of_runner
SELECT * FROM system_job_view WHERE runner_id = :runner_id ORDER BY sequence;

-- name: held_by_runners
SELECT * FROM system_job_view WHERE runner_id IS NOT NULL;

-- name: busy
SELECT EXISTS (SELECT 1 FROM system_jobs WHERE state = 2)
    OR EXISTS (SELECT 1 FROM system_jobs WHERE state = 0 AND blocked_by IS NULL)
    OR EXISTS (SELECT 1 FROM system_jobs WHERE state = 1 AND reason IN ('retrying', 'canceling'));
