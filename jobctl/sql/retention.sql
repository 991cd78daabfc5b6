-- What of history goes: by age, by its job's rule, by a person's purge. Read in pages and deleted in batches, so that no
-- statement holds anybody up; pages go by the end of what they hold, the longest ago first. The record of an occurrence
-- that was canceled before its instant stays until then: it says that this instant is decided.

-- name: keep_rules
SELECT jobs.id, json_extract(v.definition, '$.keep')
  FROM jobs JOIN job_versions AS v ON v.id = jobs.version_id
 WHERE json_extract(v.definition, '$.keep') IS NOT NULL
 ORDER BY jobs.id;

-- Looking whether anything has to go: bounded by :size, whatever there is ------------------------------------------------

-- Where that many have to stay for their jobs' rules, a pass has to look behind them.
-- name: something_aged
SELECT EXISTS (SELECT 1
                 FROM (SELECT status, completed_on, job_id, occurrence_at FROM system_jobs
                        WHERE state = 3 AND completed_on < :before ORDER BY completed_on LIMIT :size) AS s
                WHERE s.completed_on < CASE s.status WHEN 31 THEN :failed_before ELSE :completed_before END
                  AND ifnull(s.occurrence_at, 0) <= :now
                  AND s.job_id NOT IN (SELECT value FROM json_each(:own)))
    OR (SELECT count(*) FROM (SELECT 1 FROM system_jobs
                               WHERE state = 3 AND completed_on < :before LIMIT :size)) = :size;

-- name: aged_of_job
SELECT EXISTS (SELECT 1 FROM (SELECT completed_on, occurrence_at FROM system_jobs
                               WHERE job_id = :job_id AND state = 3 ORDER BY sequence LIMIT :size)
                WHERE completed_on < :before AND ifnull(occurrence_at, 0) <= :now);

-- Newest first: the failures that stay lie behind.
-- name: succeeded_of_job
SELECT EXISTS (SELECT 1 FROM (SELECT status, completed_on FROM system_jobs
                               WHERE job_id = :job_id AND state = 3 ORDER BY sequence DESC LIMIT :size)
                WHERE status = 30 AND completed_on < :before);

-- The first one that is not among the newest :number.
-- name: beyond_newest
SELECT sequence FROM system_jobs WHERE job_id = :job_id AND state = 3 ORDER BY sequence DESC LIMIT 1 OFFSET :number;

-- What was written since: of each attempt no more than :kept bytes are on the disk.
-- name: log_growth
SELECT coalesce(sum(bytes), 0), count(*), max(completed_on)
  FROM (SELECT completed_on,
               CASE WHEN log_host IS NULL THEN 0 ELSE min(ifnull(log_bytes, 0), :kept * max(attempt, 1)) END AS bytes
          FROM system_jobs WHERE state = 3 AND completed_on > :since ORDER BY completed_on LIMIT :size);

-- The result of the last pass that ended.
-- name: last_pass
SELECT payloads.result
  FROM system_jobs AS s JOIN payloads ON payloads.sequence = s.sequence
 WHERE s.job_id = :job_id AND s.state = 3 AND s.status = 30
 ORDER BY s.sequence DESC LIMIT 1;

-- Choosing -----------------------------------------------------------------------------------------------------------

-- name: aged_page
SELECT sequence, completed_on,
       completed_on < CASE status WHEN 31 THEN :failed_before ELSE :completed_before END
       AND job_id NOT IN (SELECT value FROM json_each(:own)) AND ifnull(occurrence_at, 0) <= :now
  FROM system_jobs
 WHERE state = 3 AND (completed_on, sequence) > (:at, :after) AND completed_on < :before
 ORDER BY completed_on, sequence LIMIT :size;

-- name: job_page
SELECT sequence, completed_on,
       (:status IS NULL OR status = :status) AND completed_on < :before AND ifnull(occurrence_at, 0) <= :now
  FROM system_jobs
 WHERE job_id = :job_id AND state = 3 AND sequence > :after AND sequence <= :through
 ORDER BY sequence LIMIT :size;

-- name: log_page
SELECT sequence, completed_on,
       CASE WHEN log_host IS NULL THEN 0 ELSE min(ifnull(log_bytes, 0), :kept * max(attempt, 1)) END
  FROM system_jobs
 WHERE state = 3 AND (completed_on, sequence) > (:at, :after)
 ORDER BY completed_on, sequence LIMIT :size;

-- What a person's filter chooses; every filter is optional, and the lists are JSON arrays.
-- name: purge_page
SELECT s.sequence, s.completed_on,
       (:statuses IS NULL OR s.status IN (SELECT value FROM json_each(:statuses)))
       AND (:reasons IS NULL OR s.reason IN (SELECT value FROM json_each(:reasons)))
       AND (:since IS NULL OR s.created_on >= :since)
       AND (:until IS NULL OR s.created_on <= :until)
       AND (:token IS NULL OR s.dependency_token = :token)
       AND (:operation_type IS NULL OR s.operation_type = :operation_type)
       AND (:platform OR NOT s.platform)
       AND (:message_name IS NULL OR s.message_name = :message_name)
       AND (:job IS NULL OR s.job_id IN (SELECT id FROM jobs WHERE name = :job))
       AND (:owner IS NULL OR s.owner IN (SELECT id FROM actors WHERE name = :owner))
       AND (:tag IS NULL OR s.job_version_id IN (SELECT v.id
                                                   FROM job_versions AS v, json_each(v.definition, '$.tags') AS tag
                                                  WHERE tag.value = :tag))
       AND ifnull(s.occurrence_at, 0) <= :now
  FROM system_jobs AS s
 WHERE s.state = 3 AND (s.completed_on, s.sequence) > (:at, :after) AND s.completed_on < :before
   AND s.sequence <= :through
 ORDER BY s.completed_on, s.sequence LIMIT :size;

-- name: purge_totals
SELECT s.status, count(*), sum(ifnull(s.log_bytes, 0)), min(s.completed_on), max(s.completed_on)
  FROM system_jobs AS s
 WHERE s.state = 3 AND s.completed_on < :before AND s.sequence <= :through AND ifnull(s.occurrence_at, 0) <= :now
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
 GROUP BY s.status ORDER BY s.status;

-- Deleting -----------------------------------------------------------------------------------------------------------

-- Completed is final, so what was chosen a moment ago may still go, unless somebody waits for it. Data, results and
-- conditions go with it.
-- name: delete_completed
DELETE FROM system_jobs
 WHERE sequence IN (SELECT value FROM json_each(:sequences)) AND state = 3
   AND NOT EXISTS (SELECT 1 FROM waits AS w JOIN system_jobs AS d ON d.sequence = w.sequence
                    WHERE w.after = system_jobs.sequence AND w.met_on IS NULL AND d.state < 3)
RETURNING sequence, job_id, ifnull(log_bytes, 0), attempt;

-- name: delete_events
DELETE FROM events WHERE sequence IN (SELECT value FROM json_each(:sequences));

-- The row stays and says how much there was; no host has it any more.
-- name: forget_logs
UPDATE system_jobs SET log_host = NULL WHERE sequence IN (SELECT value FROM json_each(:sequences)) AND state = 3;

-- name: sequences_between
SELECT sequence FROM system_jobs WHERE sequence BETWEEN :low AND :high;

-- Definitions of commands without a job ---------------------------------------------------------------------------------

-- name: newest_version
SELECT max(id) FROM job_versions WHERE job_id = :job_id;

-- name: oldest_version_in_use
SELECT min(job_version_id), max(sequence)
  FROM (SELECT job_version_id, sequence FROM system_jobs
         WHERE job_id = :job_id AND sequence > :after ORDER BY sequence LIMIT :size);

-- name: forget_versions
DELETE FROM job_versions
 WHERE id IN (SELECT id FROM job_versions WHERE job_id = :job_id AND id < :before LIMIT :size);

-- To check that no system job names a version that goes, SQLite would read all of them for each.
-- name: trust_references
PRAGMA foreign_keys = OFF;

-- name: check_references
PRAGMA foreign_keys = ON;

-- The file ---------------------------------------------------------------------------------------------------------------

-- What a commit would do by itself, within the writers' queue, is done outside of it: bringing what was written into
-- the file, and waiting for the disk. A power cut may bring back what was deleted last, but nothing that was deleted when
-- the system job had ended: the commit of its end waits for all there is.
-- name: write_behind
PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = NORMAL;

-- name: checkpoint
PRAGMA wal_checkpoint(PASSIVE);

-- name: space
SELECT auto_vacuum, freelist_count, page_count FROM pragma_auto_vacuum, pragma_freelist_count, pragma_page_count;

-- name: give_back
PRAGMA incremental_vacuum(16);
