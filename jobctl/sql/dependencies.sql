-- What waits for the end of another one, for an event, or is the same request as an earlier one.

-- name: insert_wait
INSERT INTO waits (sequence, after, condition, met_on) VALUES (:sequence, :after, :condition, :met_on);

-- name: waits
SELECT after, condition, met_on FROM waits WHERE sequence = :sequence ORDER BY after;

-- name: open_waits
SELECT count(*) FROM waits WHERE sequence = :sequence AND met_on IS NULL;

-- name: dependents
SELECT sequence, condition FROM waits WHERE after = :after AND met_on IS NULL ORDER BY sequence;

-- name: meet_wait
UPDATE waits SET met_on = :now WHERE sequence = :sequence AND after = :after AND met_on IS NULL;

-- What it waited for no longer matters: it is over, or a person waived it.
-- name: waive_waits
DELETE FROM waits WHERE sequence = :sequence AND met_on IS NULL;

-- name: waiting_for_event
SELECT sequence FROM system_jobs WHERE event = :event AND state = 1 ORDER BY sequence;

-- name: by_key
SELECT sequence FROM system_jobs WHERE job_id = :job_id AND key = :key;
