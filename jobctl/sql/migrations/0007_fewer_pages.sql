-- A submission changes fewer pages: no note of its number, and no index of its id.

-- The text of a table is edited where a copy of ten million rows would say the same. AUTOINCREMENT stands in no row, and
-- the index behind UNIQUE is one like any other, so it gets a name. SQLite describes this way in "ALTER TABLE", 7.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
   SET sql = replace(replace(sql, 'sequence         INTEGER PRIMARY KEY AUTOINCREMENT,',
                                  'sequence         INTEGER PRIMARY KEY,'),
                     'id               BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),',
                     'id               BLOB    NOT NULL CHECK (length(id) = 16),')
 WHERE type = 'table' AND name = 'system_jobs';
UPDATE sqlite_schema
   SET name = 'system_jobs_by_id', sql = 'CREATE UNIQUE INDEX system_jobs_by_id ON system_jobs (id)'
 WHERE type = 'index' AND name = 'sqlite_autoindex_system_jobs_1' AND tbl_name = 'system_jobs';
PRAGMA writable_schema = RESET;

-- An id is made from the number (jobctl.identity), so the one leads to the other. Only an id that is not is found by an
-- index: one that was asked for, and all that were made before. So that index holds already what it has to.
ALTER TABLE system_jobs ADD COLUMN id_given INTEGER NOT NULL DEFAULT 1;
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
   SET sql = 'CREATE UNIQUE INDEX system_jobs_by_id ON system_jobs (id) WHERE id_given = 1'
 WHERE type = 'index' AND name = 'system_jobs_by_id';
PRAGMA writable_schema = RESET;

-- What was edited is what it should be, or nothing of this has happened.
CREATE TEMP TABLE edited (as_meant INTEGER NOT NULL CHECK (as_meant));
INSERT INTO temp.edited
SELECT count(*) FILTER (WHERE type = 'table' AND sql NOT LIKE '%AUTOINCREMENT%' AND sql NOT LIKE '%UNIQUE%') = 1
       AND count(*) FILTER (WHERE name = 'system_jobs_by_id' AND sql LIKE '% WHERE id_given = 1') = 1
       AND count(*) FILTER (WHERE name LIKE 'sqlite_autoindex%') = 0
  FROM sqlite_schema WHERE tbl_name = 'system_jobs';
DROP TABLE temp.edited;

-- The last number there was. It is noted only when the newest system job is deleted: a number is never used again.
CREATE TABLE numbers (
    last INTEGER NOT NULL
) STRICT;
INSERT INTO numbers SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'system_jobs';
DELETE FROM sqlite_sequence WHERE name = 'system_jobs';

CREATE TRIGGER system_jobs_number_is_kept AFTER DELETE ON system_jobs
WHEN OLD.sequence > ifnull((SELECT max(sequence) FROM system_jobs), 0)
BEGIN
    UPDATE numbers SET last = max(last, OLD.sequence);
END;
