-- Queries that are composed: the statements have marks, and `querying` puts these fragments in their places. Nothing
-- from outside ever becomes part of a text; every value is bound.

-- The keys by which a page is ordered stand beside each number, so that the next one can begin behind the last.
-- name: composed_page
SELECT s.sequence, /*keys*/
  FROM /*source*/ AND /*condition*/
 ORDER BY /*order*/
 LIMIT :limit;

-- No more than :limit are counted, so that nobody counts ten million.
-- name: composed_count
SELECT count(*) FROM (SELECT 1 FROM /*source*/ AND /*condition*/ LIMIT :limit);

-- name: system_jobs_numbered
SELECT * FROM system_job_view WHERE sequence IN (SELECT value FROM json_each(:sequences));

-- name: payloads_numbered
SELECT sequence, data FROM payloads WHERE sequence IN (SELECT value FROM json_each(:sequences));

-- name: payload_sizes
SELECT sequence, length(data) FROM payloads WHERE sequence IN (SELECT value FROM json_each(:sequences));

-- name: actors_named
SELECT name, id FROM actors WHERE name IN (SELECT value FROM json_each(:names));

-- name: actor_numbered
SELECT name FROM actors WHERE id = :id;

-- name: actors_after
SELECT id, name FROM actors WHERE id > :after ORDER BY id LIMIT :limit;

-- Where they are read -------------------------------------------------------------------------------------------------

-- name: source.all
system_jobs AS s WHERE 1

-- What is not completed is few, whatever history there is.
-- name: source.live
system_jobs AS s INDEXED BY system_jobs_live WHERE s.state < 3

-- name: source.completed
system_jobs AS s INDEXED BY system_jobs_completed WHERE s.state = 3

-- name: source.between
system_jobs AS s WHERE s.sequence > :above AND s.sequence <= :through

-- What can be asked for -----------------------------------------------------------------------------------------------

-- name: column.id
s.id
-- name: column.sequence
s.sequence
-- name: column.name
s.name
-- name: column.job
(SELECT jobs.name FROM jobs WHERE jobs.id = s.job_id)
-- name: column.job_id
s.job_id
-- name: column.job_version_id
s.job_version_id
-- name: column.platform
s.platform
-- name: column.token
s.dependency_token
-- name: column.operation_type
s.operation_type
-- name: column.message_name
s.message_name
-- name: column.state
s.state
-- name: column.status
s.status
-- name: column.reason
s.reason
-- name: column.dependency_token
s.dependency_token
-- name: column.created_on
s.created_on
-- name: column.modified_on
s.modified_on
-- name: column.started_on
s.started_on
-- name: column.completed_on
s.completed_on
-- name: column.postpone_until
(CASE WHEN s.state = 1 AND s.reason IN ('scheduled', 'postponed', 'retrying') THEN s.due_at END)
-- name: column.execution_time_span
round(s.run_time / 1000000.0, 2)
-- name: column.retry_count
s.retry_count
-- name: column.error_code
s.error_code
-- name: column.message
s.message
-- name: column.data
(SELECT payloads.data FROM payloads WHERE payloads.sequence = s.sequence)
-- name: column.depth
s.depth
-- name: column.is_waiting_for_event
(s.event IS NOT NULL AND s.state = 1)
-- name: column.created_by
s.created_by
-- name: column.modified_by
s.modified_by
-- name: column.owner
s.owner
-- name: column.owning_user
(SELECT actors.id FROM actors WHERE actors.id = s.owner AND actors.name GLOB 'user:*')
-- name: column.created_by_name
(SELECT CASE WHEN actors.name GLOB 'user:*' THEN substr(actors.name, 6) ELSE actors.name END
   FROM actors WHERE actors.id = s.created_by)
-- name: column.modified_by_name
(SELECT CASE WHEN actors.name GLOB 'user:*' THEN substr(actors.name, 6) ELSE actors.name END
   FROM actors WHERE actors.id = s.modified_by)
-- name: column.owning_user_name
(SELECT substr(actors.name, 6) FROM actors WHERE actors.id = s.owner AND actors.name GLOB 'user:*')
-- name: column.nothing
NULL
-- name: column.primary_entity_type
substr(s.regarding, 1, instr(s.regarding, ':') - 1)
-- name: column.regarding
s.regarding
-- name: column.regarding_id
(CASE WHEN substr(s.regarding, -37) GLOB ':????????-????-????-????-????????????'
       AND length(s.regarding) = instr(s.regarding, ':') + 36
       AND length(replace(substr(s.regarding, -36), '-', '')) = 32
       AND replace(substr(s.regarding, -36), '-', '') NOT GLOB '*[^0-9a-fA-F]*'
      THEN lower(substr(s.regarding, -36)) END)
-- name: column.recurrence_pattern
(SELECT group_concat(part.value, ' ')
        || CASE WHEN json_array_length(plans.spec, '$.skip') > 0
                THEN ', but for ' || json_array_length(plans.spec, '$.skip') || ' dates' ELSE '' END
   FROM plans, json_each(plans.spec) AS part
  WHERE plans.job_id = s.job_id AND plans.plan = s.plan AND part.key NOT IN ('notation', 'skip'))
-- name: column.recurrence_start_time
(SELECT plans.start_at FROM plans WHERE plans.job_id = s.job_id AND plans.plan = s.plan)
-- name: column.utc_offset
s.utc_offset
-- name: column.stage
s.stage
-- name: column.progress
s.progress

-- What can be made of it ----------------------------------------------------------------------------------------------

-- name: function.lower
lower(/*operand*/)
-- name: function.upper
upper(/*operand*/)
-- name: function.trim
trim(/*operand*/)
-- name: function.length
length(/*operand*/)
-- name: function.year
CAST(strftime('%Y', /*operand*/ / 1000000, 'unixepoch') AS INTEGER)
-- name: function.month
CAST(strftime('%m', /*operand*/ / 1000000, 'unixepoch') AS INTEGER)
-- name: function.day
CAST(strftime('%d', /*operand*/ / 1000000, 'unixepoch') AS INTEGER)
-- name: function.hour
(/*operand*/ / 3600000000 % 24)
-- name: function.minute
(/*operand*/ / 60000000 % 60)
-- name: function.second
(/*operand*/ / 1000000 % 60)
-- Days since the epoch.
-- name: function.date
(/*operand*/ / 86400000000)

-- Comparisons; what is compared with nothing is neither less nor greater ------------------------------------------------

-- name: operator.eq
(/*left*/ IS /*right*/)
-- name: operator.ne
(/*left*/ IS NOT /*right*/)
-- name: operator.lt
(/*left*/ < /*right*/)
-- name: operator.le
(/*left*/ <= /*right*/)
-- name: operator.gt
(/*left*/ > /*right*/)
-- name: operator.ge
(/*left*/ >= /*right*/)
-- name: operator.contains
(instr(lower(/*left*/), lower(/*right*/)) > 0)
-- name: operator.startswith
(substr(lower(/*left*/), 1, length(/*right*/)) = lower(/*right*/))
-- name: operator.endswith
((/*right*/ = '' AND /*left*/ IS NOT NULL) OR substr(lower(/*left*/), -length(/*right*/)) = lower(/*right*/))
-- name: operator.like
(/*left*/ LIKE /*right*/ ESCAPE char(92))
-- name: operator.in
(/*left*/ IN (SELECT value FROM json_each(/*right*/)))
-- The one with an id: that of the number from which it would have been made, or it is among those that were not made so.
-- name: operator.identified
(s.sequence IN (SELECT own.sequence FROM system_jobs AS own WHERE own.sequence = /*number*/ AND +own.id = /*id*/
                 UNION ALL
                SELECT given.sequence FROM system_jobs AS given WHERE given.id_given = 1 AND given.id = /*id*/))

-- Texts are alike whatever the case of their letters from a to z.
-- name: text.alike
(/*operand*/ COLLATE NOCASE)
