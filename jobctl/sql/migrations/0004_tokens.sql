-- Who may ask over HTTP. No token is kept, only its digest; what is public of it finds the row.

CREATE TABLE tokens (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT    NOT NULL,
    handle       TEXT    NOT NULL UNIQUE CHECK (length(handle) = 12),
    digest       BLOB    NOT NULL CHECK (length(digest) = 32),
    scopes       TEXT    NOT NULL,
    created_on   INTEGER NOT NULL,
    created_by   INTEGER NOT NULL REFERENCES actors,
    expires_on   INTEGER,
    last_used_on INTEGER,
    revoked_on   INTEGER,
    revoked_by   INTEGER REFERENCES actors,
    CHECK ((revoked_on IS NULL) = (revoked_by IS NULL))
) STRICT;

-- Revoking a token frees its name.
CREATE UNIQUE INDEX tokens_by_name ON tokens (name) WHERE revoked_on IS NULL;

-- A person who signed in with a token, in one browser.
CREATE TABLE sessions (
    handle     TEXT    PRIMARY KEY CHECK (length(handle) = 12),
    digest     BLOB    NOT NULL CHECK (length(digest) = 32),
    token_id   INTEGER NOT NULL REFERENCES tokens,
    created_on INTEGER NOT NULL,
    expires_on INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_token ON sessions (token_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_on);

-- What waits, by its last change: the list of what changed last must not read history. Short runs never come here.
CREATE INDEX system_jobs_suspended ON system_jobs (modified_on) WHERE state = 1;
