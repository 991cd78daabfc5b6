-- Every statement that reads or writes state. Instants are bound, never taken from SQL's clock.

-- name: tables
SELECT 1 FROM sqlite_schema LIMIT 1;

-- Jobs --------------------------------------------------------------------------------------------------------------

-- name: actor
SELECT id FROM actors WHERE name = :name;

-- name: insert_actor
INSERT INTO actors (name) VALUES (:name) RETURNING id;

-- A SQLite home belongs to one machine, whatever that is called today: its runs must be found after a renaming.
-- name: host
INSERT INTO hosts (id, name) VALUES (1, :name) ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING id;

-- name: insert_job
INSERT INTO jobs (name, created_on, created_by, modified_on, modified_by)
VALUES (:name, :now, :actor, :now, :actor)
RETURNING id;

-- name: insert_job_version
INSERT INTO job_versions (job_id, number, definition, created_on, created_by)
VALUES (:job_id, (SELECT coalesce(max(number), 0) + 1 FROM job_versions WHERE job_id = :job_id), :definition, :now,
        :actor)
RETURNING id;

-- name: set_job_version
UPDATE jobs SET version_id = :version_id, concurrency = :concurrency, modified_on = :now, modified_by = :actor WHERE id = :job_id;

-- name: remove_job
UPDATE jobs SET removed_on = :now, modified_on = :now, modified_by = :actor WHERE id = :job_id;

-- name: job_names
SELECT name FROM jobs WHERE removed_on IS NULL AND version_id IS NOT NULL ORDER BY name;

-- A job without a version is the shelf for commands that were run without a definition.
-- name: jobs
SELECT jobs.id, jobs.name, jobs.version_id, jobs.created_on, creator.name, jobs.modified_on, modifier.name
  FROM jobs
  JOIN actors AS creator ON creator.id = jobs.created_by
  JOIN actors AS modifier ON modifier.id = jobs.modified_by
 WHERE jobs.removed_on IS NULL AND jobs.version_id IS NOT NULL AND (:name IS NULL OR jobs.name = :name)
 ORDER BY jobs.name;

-- name: version_in_force
SELECT version_id FROM jobs WHERE name = :name AND removed_on IS NULL AND version_id IS NOT NULL;

-- With the number of the next system job: a submission asks for both.
-- name: version_and_number
SELECT version_id, (SELECT max(ifnull((SELECT max(sequence) FROM system_jobs), 0), last) + 1 FROM numbers)
  FROM jobs WHERE name = :name AND removed_on IS NULL AND version_id IS NOT NULL;

-- Also a removed job, for its history.
-- name: job_by_id
SELECT jobs.id, jobs.name, jobs.version_id, jobs.created_on, creator.name, jobs.modified_on, modifier.name
  FROM jobs
  JOIN actors AS creator ON creator.id = jobs.created_by
  JOIN actors AS modifier ON modifier.id = jobs.modified_by
 WHERE jobs.id = :id;

-- name: job_id
SELECT id FROM jobs WHERE name = :name AND removed_on IS NULL;

-- name: job_version
SELECT v.id, v.job_id, jobs.name, v.number, v.definition, v.created_on, actors.name
  FROM job_versions AS v
  JOIN jobs ON jobs.id = v.job_id
  JOIN actors ON actors.id = v.created_by
 WHERE v.id = :id;

-- Schedules ---------------------------------------------------------------------------------------------------------

-- name: plan
SELECT job_id, plan, spec, time_zone, start_at, end_at, count, fired, activated_at, planned_through, active, ended_on,
       ended_by, overlap, catch_up, catch_up_window, late_limit, jitter, paused_from, paused_until, pause_reason,
       boot_id
  FROM schedules
 WHERE job_id = :job_id;

-- name: save_plan
INSERT INTO schedules (job_id, plan, spec, time_zone, start_at, end_at, count, fired, activated_at, planned_through,
                       active, ended_on, ended_by, overlap, catch_up, catch_up_window, late_limit, jitter, paused_from,
                       paused_until, pause_reason, boot_id)
VALUES (:job_id, :plan, :spec, :time_zone, :start_at, :end_at, :count, :fired, :activated_at, :planned_through,
        :active, :ended_on, :ended_by, :overlap, :catch_up, :catch_up_window, :late_limit, :jitter, :paused_from,
        :paused_until, :pause_reason, :boot_id)
ON CONFLICT (job_id) DO UPDATE
   SET plan = excluded.plan, spec = excluded.spec, time_zone = excluded.time_zone, start_at = excluded.start_at,
       end_at = excluded.end_at, count = excluded.count, fired = excluded.fired,
       activated_at = excluded.activated_at, planned_through = excluded.planned_through, active = excluded.active,
       ended_on = excluded.ended_on, ended_by = excluded.ended_by, overlap = excluded.overlap,
       catch_up = excluded.catch_up, catch_up_window = excluded.catch_up_window, late_limit = excluded.late_limit,
       jitter = excluded.jitter, paused_from = excluded.paused_from, paused_until = excluded.paused_until,
       pause_reason = excluded.pause_reason, boot_id = excluded.boot_id;

-- name: save_plan_terms
INSERT INTO plans (job_id, plan, spec, time_zone, start_at) VALUES (:job_id, :plan, :spec, :time_zone, :start_at)
ON CONFLICT (job_id, plan) DO NOTHING;

-- System jobs: reading ----------------------------------------------------------------------------------------------

-- name: system_job
SELECT * FROM system_job_view WHERE sequence = :sequence;

-- By the numbers from which such an id would have been made, and among the ids that were not made so.
-- name: system_job_by_id
SELECT sequence FROM system_jobs
 WHERE sequence IN (SELECT value FROM json_each(:numbers)) AND +id >= :low AND +id <= :high AND id_given = 0
 UNION ALL
SELECT sequence FROM system_jobs WHERE id_given = 1 AND id >= :low AND id <= :high
 LIMIT 2;

-- Newest first; every filter is optional, and the lists are JSON arrays.
-- name: system_jobs
SELECT *
  FROM system_job_view
 WHERE (:job IS NULL OR job = :job)
   AND (:states IS NULL OR state IN (SELECT value FROM json_each(:states)))
   AND (:statuses IS NULL OR status IN (SELECT value FROM json_each(:statuses)))
   AND (:reasons IS NULL OR reason IN (SELECT value FROM json_each(:reasons)))
   AND (:since IS NULL OR created_on >= :since)
   AND (:until IS NULL OR created_on <= :until)
   AND (:token IS NULL OR dependency_token = :token)
   AND (:operation_type IS NULL OR operation_type = :operation_type)
   AND (:platform OR NOT platform)
   AND (:owner IS NULL OR owner = :owner)
   AND (:message_name IS NULL OR message_name = :message_name)
   AND (:tag IS NULL OR job_version_id IN (SELECT v.id FROM job_versions AS v, json_each(v.definition, '$.tags') AS tag
                                            WHERE tag.value = :tag))
 ORDER BY sequence DESC
 LIMIT :limit;

-- name: live_system_jobs_of_job
SELECT * FROM system_job_view WHERE job_id = :job_id AND state < 3 ORDER BY sequence;

-- name: newest_of_job
SELECT * FROM system_job_view
 WHERE job_id = :job_id AND (:completed IS NULL OR (state = 3) = :completed)
   AND (:begun IS NULL OR (started_on IS NOT NULL) = :begun)
 ORDER BY sequence DESC LIMIT 1;

-- The occurrence to come: at most one of a plan is `scheduled` at any time, or held because its schedule cannot be
-- computed any more.
-- name: pending_occurrence
SELECT * FROM system_job_view
 WHERE job_id = :job_id AND state = 1 AND plan IS NOT NULL
   AND (reason = 'scheduled' OR (reason = 'held' AND ready_on IS NULL))
 ORDER BY occurrence_at LIMIT 1;

-- name: payload
SELECT data, result FROM payloads WHERE sequence = :sequence;

-- name: events_of_system_job
SELECT events.at, actors.name, events.kind, events.detail, events.sequence
  FROM events JOIN actors ON actors.id = events.actor
 WHERE events.sequence = :sequence ORDER BY events.id;

-- name: events_of_job
SELECT events.at, actors.name, events.kind, events.detail, events.sequence
  FROM events JOIN actors ON actors.id = events.actor
 WHERE events.job_id = :job_id ORDER BY events.id DESC LIMIT :limit;

-- System jobs: writing ----------------------------------------------------------------------------------------------

-- The number of the next one; of those that were deleted, the last is noted.
-- name: next_number
SELECT max(ifnull((SELECT max(sequence) FROM system_jobs), 0), last) + 1 FROM numbers;

-- name: insert_system_job
INSERT INTO system_jobs (sequence, id, id_given, job_id, job_version_id, name, state, status, reason, message_name,
                         plan, occurrence_at, due_at, start_by, priority, dependency_token, created_on, created_by,
                         modified_on, modified_by, owner, ready_on, completed_on, depth, parent, rerun_of, regarding,
                         dropped, utc_offset, event, key, operation_type, platform)
VALUES (:sequence, :id, :id_given, :job_id, :job_version_id, :name, :state, :status, :reason, :message_name, :plan,
        :occurrence_at, :due_at, :start_by, :priority, :dependency_token, :now, :actor, :now, :actor, :owner,
        :ready_on, :completed_on, :depth, :parent, :rerun_of, :regarding, :dropped, :utc_offset, :event, :key, :operation_type, :platform);

-- One that waits for nothing but its time. The parameters are bound in their order: to look 22 names up costs more.
-- name: insert_plain
INSERT INTO system_jobs (sequence, id, id_given, job_id, job_version_id, name, priority, operation_type, message_name,
                         state, status, reason, due_at, ready_on, created_on, modified_on, created_by, modified_by,
                         owner, depth, parent, regarding, utc_offset)
VALUES (:sequence, :id, 0, :job_id, :job_version_id, :name, :priority, :operation_type, :message_name,
        :state, :status, :reason, :due_at, :ready_on, :now, :now, :actor, :actor,
        :owner, :depth, :parent, :regarding, :utc_offset);

-- The same, claimed at once for a runner that a daemon offers: if that is the newest daemon and starts things, if the
-- runner is its own and has nothing in its hands, and if nothing else is ready, which would be overtaken.
-- name: insert_claimed
INSERT INTO system_jobs (sequence, id, id_given, job_id, job_version_id, name, priority, operation_type, message_name,
                         state, status, reason, due_at, ready_on, created_on, modified_on, created_by, modified_by,
                         owner, depth, parent, regarding, utc_offset, claim, runner_id, daemon_id, host_id, log_host)
SELECT :sequence, :id, 0, :job_id, :job_version_id, :name, :priority, :operation_type, :message_name,
       :state, :status, :reason, :due_at, :ready_on, :now, :now, :actor,
       coalesce((SELECT id FROM actors WHERE name = 'daemon'), :actor),
       :owner, :depth, :parent, :regarding, :utc_offset, 1, r.id, r.daemon_id, r.host_id, r.host_id
  FROM runners AS r JOIN daemons AS d ON d.id = r.daemon_id
 WHERE r.id = :runner_id AND r.daemon_id = :daemon_id AND d.stopped_on IS NULL
   AND d.id = (SELECT max(id) FROM daemons)
   AND NOT EXISTS (SELECT 1 FROM system_jobs WHERE runner_id = :runner_id)
   AND NOT EXISTS (SELECT 1 FROM system_jobs WHERE state = 0 AND blocked_by IS NULL)
RETURNING (SELECT name FROM hosts WHERE id = host_id), (SELECT name FROM actors WHERE id = modified_by);

-- Many of one definition that wait for nothing but their time. The rows are a JSON array of arrays: the instant before
-- which it is not due, what it is about, and its id.
-- name: insert_system_jobs
INSERT INTO system_jobs (sequence, id, id_given, job_id, job_version_id, name, state, status, reason, message_name,
                         due_at, priority, created_on, created_by, modified_on, modified_by, owner, ready_on, depth,
                         parent, regarding, utc_offset, operation_type, platform)
SELECT :first + key, unhex(value ->> 2), 0, :job_id, :job_version_id, :name, ifnull(value ->> 0, 0) > :now,
       CASE WHEN ifnull(value ->> 0, 0) > :now THEN 10 ELSE 0 END,
       CASE WHEN ifnull(value ->> 0, 0) > :now THEN 'scheduled' END,
       :message_name, ifnull(value ->> 0, :now), :priority, :now, :actor, :now, :actor, :owner,
       CASE WHEN ifnull(value ->> 0, 0) <= :now THEN :now END, :depth, :parent, value ->> 1, :utc_offset,
       :operation_type, 0
  FROM json_each(:rows) ORDER BY key;

-- name: insert_payloads
INSERT INTO payloads (sequence, data) SELECT :first + key, value FROM json_each(:data) WHERE value IS NOT NULL;

-- name: insert_payload
INSERT INTO payloads (sequence, data) VALUES (:sequence, :data);

-- name: save_result
INSERT INTO payloads (sequence, result) VALUES (:sequence, :result)
ON CONFLICT (sequence) DO UPDATE SET result = excluded.result;

-- The fence: nothing changes if the row moved on since it was read. Places in a token's queue are not written here:
-- they may have changed since, when another one left the queue.
-- name: save_system_job
UPDATE system_jobs
   SET state = :state, status = :status, reason = :reason, due_at = :due_at, start_by = :start_by,
       priority = :priority,
       blocked_by = CASE WHEN :state = 3 THEN NULL ELSE blocked_by END, attempt = :attempt,
       retry_count = :retry_count, lost_count = :lost_count, modified_on = :now, modified_by = :actor,
       ready_on = :ready_on, started_on = :started_on, completed_on = :completed_on, run_time = :run_time,
       exit_code = :exit_code, signal = :signal, error_code = :error_code, message = :message,
       friendly_message = :friendly_message, stage = :stage, progress = :progress, dropped = :dropped,
       log_bytes = :log_bytes, runner_id = :runner_id, pause_until = :pause_until,
       delete_requested = :delete_requested, cancel_reason = :cancel_reason, event = :event
 WHERE sequence = :sequence AND claim = :claim AND state = :state_was AND status = :status_was;

-- name: delete_system_job
DELETE FROM system_jobs WHERE sequence = :sequence;

-- Tokens ------------------------------------------------------------------------------------------------------------

-- A place at the end of the token's queue: behind the uncompleted one that joined last.
-- name: token_tail
SELECT sequence, token_seq FROM system_jobs
 WHERE dependency_token = :token AND token_seq IS NOT NULL AND state < 3
 ORDER BY token_seq DESC LIMIT 1;

-- name: join_token
UPDATE system_jobs SET token_seq = :token_seq, blocked_by = :blocked_by
 WHERE sequence = :sequence AND token_seq IS NULL;

-- name: blocked_by
SELECT blocked_by FROM system_jobs WHERE sequence = :sequence;

-- The one behind it moves up: in the token's queue to the front, or behind the one before; one that waited for
-- another occurrence of its schedule behind the oldest that is still active.
-- name: leave_queue
UPDATE system_jobs AS s
   SET blocked_by = CASE WHEN token_seq IS NOT NULL AND dependency_token = :token THEN :blocked_by
                         ELSE (SELECT min(o.sequence) FROM system_jobs AS o
                                WHERE o.job_id = s.job_id AND o.state < 3 AND o.plan IS NOT NULL
                                  AND o.sequence < s.sequence AND o.sequence != :sequence
                                  AND (o.state IN (0, 2) OR o.runner_id IS NOT NULL
                                       OR o.reason IN ('retrying', 'held', 'paused'))) END
 WHERE blocked_by = :sequence;

-- name: wait_behind
UPDATE system_jobs SET blocked_by = :behind WHERE sequence = :sequence AND blocked_by IS NULL;

-- An occurrence joins at its planned instant, whether or not it may run then; one whose schedule is paused never does.
-- name: joining
SELECT sequence FROM system_jobs AS s
 WHERE state = 1 AND dependency_token IS NOT NULL AND token_seq IS NULL AND plan IS NOT NULL AND occurrence_at <= :now
   AND NOT (reason = 'scheduled' AND EXISTS (SELECT 1 FROM schedules AS c
                                              WHERE c.job_id = s.job_id AND c.plan = s.plan
                                                AND s.occurrence_at >= c.paused_from
                                                AND s.occurrence_at < c.paused_until))
 ORDER BY occurrence_at, sequence;

-- name: retoken_pending
UPDATE system_jobs SET dependency_token = :token, priority = :priority
 WHERE job_id = :job_id AND state = 1 AND reason IN ('scheduled', 'held') AND ready_on IS NULL
   AND token_seq IS NULL AND plan IS NOT NULL;

-- The daemon --------------------------------------------------------------------------------------------------------

-- name: insert_daemon
INSERT INTO daemons (host_id, boot_id, pid_namespace, pid, start_time, version, slots, started_on)
VALUES (:host_id, :boot_id, :pid_namespace, :pid, :start_time, :version, :slots, :now)
RETURNING id;

-- Since when it starts nothing; it may have waited for what ran before it left.
-- name: stop_daemon
UPDATE daemons SET stopped_on = :now WHERE id = :id AND stopped_on IS NULL;

-- name: newest_daemon
SELECT d.id, hosts.name, d.pid, d.version, d.slots, d.started_on, d.stopped_on
  FROM daemons AS d JOIN hosts ON hosts.id = d.host_id
 ORDER BY d.id DESC LIMIT 1;

-- name: insert_runner
INSERT INTO runners (id, host_id, daemon_id, boot_id, pid_namespace, pid, start_time, protocol, created_on)
VALUES (:id, :host_id, :daemon_id, :boot_id, :pid_namespace, :pid, :start_time, :protocol, :now);

-- name: runners
SELECT id, boot_id, pid_namespace, pid, start_time, protocol FROM runners WHERE host_id = :host_id;

-- name: take_over_runner
UPDATE runners SET daemon_id = :daemon_id WHERE id = :id;

-- name: delete_runner
DELETE FROM runners WHERE id = :id;

-- What is due, oldest first.
-- name: due
SELECT * FROM system_job_view
 WHERE state = 1 AND reason IN ('scheduled', 'postponed', 'retrying') AND due_at <= :now
 ORDER BY due_at, sequence
 LIMIT :limit;

-- Of those that come next, all at once: those about which there is nothing to decide, for no schedule and no token's
-- queue has a say in them.
-- name: make_due_ready
UPDATE system_jobs
   SET state = 0, status = 0, reason = NULL, ready_on = :now, modified_on = :now, modified_by = :actor
 WHERE sequence IN (SELECT sequence
                      FROM (SELECT sequence, plan, dependency_token FROM system_jobs
                             WHERE state = 1 AND reason IN ('scheduled', 'postponed', 'retrying') AND due_at <= :now
                             ORDER BY due_at, sequence
                             LIMIT :limit)
                     WHERE plan IS NULL AND dependency_token IS NULL);

-- name: next_due
SELECT min(at)
  FROM (SELECT min(due_at) AS at FROM system_jobs
         WHERE state = 1 AND reason IN ('scheduled', 'postponed', 'retrying')
        UNION ALL
        SELECT min(start_by) + 1 FROM system_jobs
         WHERE state = 0 AND start_by IS NOT NULL AND attempt = 0 AND runner_id IS NULL);

-- Delays run on a clock that never steps: a step of the wall clock moves their instants with it.
-- name: move_retries
UPDATE system_jobs SET due_at = due_at + :step WHERE state = 1 AND reason = 'retrying';

-- The clock was in the future, was believed, and nobody has set right since what was decided there.
-- name: wrong_future
SELECT 1 FROM events AS jump
 WHERE jump.kind = 'clock_jump' AND jump.at > :now
   AND NOT EXISTS (SELECT 1 FROM events AS later WHERE later.kind = 'clock_recovered' AND later.id > jump.id)
 LIMIT 1;

-- name: plans_decided_ahead
SELECT job_id FROM schedules WHERE active AND planned_through > :now;

-- Those of the schedule that are still active, not merely waiting for their time.
-- name: active_of_schedule
SELECT sequence FROM system_jobs
 WHERE job_id = :job_id AND state < 3 AND plan IS NOT NULL AND sequence != :sequence
   AND (state IN (0, 2) OR runner_id IS NOT NULL OR reason IN ('retrying', 'held', 'paused'))
 ORDER BY sequence;

-- What has not begun by the latest instant at which it might.
-- name: late
SELECT sequence FROM system_jobs
 WHERE state = 0 AND start_by < :now AND attempt = 0 AND runner_id IS NULL
 ORDER BY start_by;

-- How many occurrences of the plan may still come to count.
-- name: uncounted_of_plan
SELECT count(*) FROM system_jobs
 WHERE job_id = :job_id AND plan = :plan AND state = 1 AND ready_on IS NULL;

-- name: plans_without_occurrence
SELECT job_id FROM schedules
 WHERE active AND NOT EXISTS (SELECT 1 FROM system_jobs AS s
                               WHERE s.job_id = schedules.job_id AND s.plan = schedules.plan AND s.state = 1
                                 AND (s.reason = 'scheduled' OR (s.reason = 'held' AND s.ready_on IS NULL)));

-- Active schedules by boot that have not been decided for this one.
-- name: plans_for_boot
SELECT job_id FROM schedules
 WHERE active AND json_extract(spec, '$.notation') = 'on_start' AND boot_id IS NOT :boot_id;

-- Planned by the calendar and still waiting for their time: of each plan its last occurrence, if at all.
-- name: planned
SELECT s.sequence FROM schedules CROSS JOIN system_jobs AS s
    ON s.job_id = schedules.job_id AND s.plan = schedules.plan
   AND s.occurrence_at = (SELECT max(occurrence_at) FROM system_jobs
                           WHERE job_id = schedules.job_id AND plan = schedules.plan)
 WHERE s.state = 1 AND s.reason = 'scheduled' AND schedules.active;

-- name: active_schedules
SELECT jobs.name FROM schedules JOIN jobs ON jobs.id = schedules.job_id WHERE active ORDER BY jobs.name;

-- name: last_occurrence_of_plan
SELECT max(occurrence_at) FROM system_jobs WHERE job_id = :job_id AND plan = :plan;

-- name: insert_event
INSERT INTO events (at, actor, kind, job_id, sequence, detail)
VALUES (:now, :actor, :kind, :job_id, :sequence, :detail);
