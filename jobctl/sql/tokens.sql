-- Tokens of the HTTP service and the sessions made from them.

-- name: insert_token
INSERT INTO tokens (name, handle, digest, scopes, created_on, created_by, expires_on)
VALUES (:name, :handle, :digest, :scopes, :now, :actor, :expires_on)
RETURNING id;

-- Newest last; those of one name, or all; the revoked ones only where they are asked for.
-- name: tokens
SELECT t.id, t.name, t.scopes, t.created_on, creator.name, t.expires_on, t.last_used_on, t.revoked_on, revoker.name
  FROM tokens AS t
  JOIN actors AS creator ON creator.id = t.created_by
  LEFT JOIN actors AS revoker ON revoker.id = t.revoked_by
 WHERE (:name IS NULL OR t.name = :name) AND (:revoked OR t.revoked_on IS NULL)
 ORDER BY t.id;

-- Whether anybody could be let in.
-- name: usable_tokens
SELECT EXISTS (SELECT 1 FROM tokens WHERE revoked_on IS NULL AND (expires_on IS NULL OR expires_on > :now));

-- name: token_by_handle
SELECT digest, id, name, scopes, expires_on, revoked_on FROM tokens WHERE handle = :handle;

-- name: session_by_handle
SELECT s.digest, t.id, t.name, t.scopes, min(s.expires_on, ifnull(t.expires_on, s.expires_on)), t.revoked_on
  FROM sessions AS s JOIN tokens AS t ON t.id = s.token_id
 WHERE s.handle = :handle;

-- name: revoke_token
UPDATE tokens SET revoked_on = :now, revoked_by = :actor WHERE name = :name AND revoked_on IS NULL RETURNING id;

-- name: use_token
UPDATE tokens SET last_used_on = :now WHERE id = :id AND ifnull(last_used_on, 0) < :now;

-- name: insert_session
INSERT INTO sessions (handle, digest, token_id, created_on, expires_on)
VALUES (:handle, :digest, :token_id, :now, :expires_on);

-- name: delete_session
DELETE FROM sessions WHERE handle = :handle;

-- name: delete_sessions_of
DELETE FROM sessions WHERE token_id = :token_id;

-- name: delete_expired_sessions
DELETE FROM sessions WHERE expires_on <= :now;
