"""Tokens of the HTTP service: made and shown once, kept as digests, given scopes, and revoked.

A token is `jobctl_HANDLE_SECRET`. The handle finds the row, so that what is secret is compared in constant time and
never looked up. The secret has 256 random bits: a digest of it needs neither salt nor stretching.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from typing import Final

from jobctl.clock import MICROSECONDS
from jobctl.errors import BadInput, NotFound, Refused, near_miss
from jobctl.records import dataclass
from jobctl.store import Store

SCOPES: Final = ("read", "submit", "manage")
"""To look at everything; to submit named jobs; to steer and delete system jobs, and to change schedules."""
NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,99}")
TOKEN: Final = re.compile(rb"jobctl_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
SESSION: Final = re.compile(rb"([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
SESSION_LASTS: Final = 12 * 3600 * MICROSECONDS
NOBODYS: Final = bytes(32)
"""Compared with where no row is found, so that both ways take as long."""


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token. Instants are microseconds UTC."""

    id: int
    name: str
    scopes: tuple[str, ...]
    created_on: int
    created_by: str
    expires_on: int | None
    last_used_on: int | None
    revoked_on: int | None
    revoked_by: str | None

    def state(self, now: int) -> str:
        """`valid`, `expired` or `revoked`."""
        if self.revoked_on is not None:
            return "revoked"
        return "expired" if self.expires_on is not None and self.expires_on <= now else "valid"


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a token or a session lets in."""

    token_id: int
    name: str
    scopes: frozenset[str]

    @property
    def actor(self) -> str:
        return f"token:{self.name}"


def create(store: Store, name: str, scopes: Iterable[str] = (), expires_on: int | None = None) -> tuple[Token, str]:
    """A new token and its text, which nobody can learn again; without scopes it may read.

    Raises BadInput for a bad name, scope or expiry, Refused when the name is taken.
    """
    if not NAME.fullmatch(name):
        raise BadInput(
            f"{name!a} cannot name a token: a letter first, then letters, digits, '.', '_' or '-', at most 100"
        )
    wanted = set(scopes) or {SCOPES[0]}
    for scope in sorted(wanted - set(SCOPES)):
        raise BadInput(f"no scope {scope!a}; there are: {', '.join(SCOPES)}{near_miss(scope, SCOPES)}")
    handle, text = _new("jobctl_")
    with store.write() as tx:
        if expires_on is not None and expires_on <= tx.now:
            raise BadInput("a token expires in the future")
        if tx.database.run("tokens", {"name": name, "revoked": False}):
            raise Refused(f"there is a token named {name!r}; revoke it first: jobctl token revoke {name}")
        parameters = {
            "name": name,
            "handle": handle,
            "digest": _digest(text.encode()),
            "scopes": " ".join(scope for scope in SCOPES if scope in wanted),
            "expires_on": expires_on,
            **tx.stamp,
        }
        tx.database.run("insert_token", parameters)
        (made,) = list_tokens(tx, name)
        return made, text


def list_tokens(store: Store, name: str | None = None, *, revoked: bool = False) -> list[Token]:
    """In the order in which they were made."""
    rows = store.database.run("tokens", {"name": name, "revoked": revoked})
    return [Token(id_, found, tuple(scopes.split()), *rest) for id_, found, scopes, *rest in rows]


def revoke(store: Store, name: str) -> Token:
    """From now on it lets nobody in, nor do the sessions made from it. Raises NotFound."""
    with store.write() as tx:
        rows = tx.database.run("revoke_token", {"name": name, **tx.stamp})
        if not rows:
            known = [token.name for token in list_tokens(tx)]
            raise NotFound(f"no token named {name!r}{near_miss(name, known)}")
        tx.database.run("delete_sessions_of", {"token_id": rows[0][0]})
        return list_tokens(tx, name, revoked=True)[-1]


def any_usable(store: Store) -> bool:
    """Whether there is a token that would let somebody in."""
    ((found,),) = store.database.run("usable_tokens", {"now": store.clock.now()})
    return bool(found)


def verify(store: Store, text: bytes) -> Holder | None:
    """Whom the token lets in; None for one that is unknown, expired or revoked."""
    return _verify(store, TOKEN, "token_by_handle", text)


def verify_session(store: Store, text: bytes) -> Holder | None:
    """Whom the session lets in; None for one that is unknown or over, or whose token is."""
    return _verify(store, SESSION, "session_by_handle", text)


def used(store: Store, token_id: int) -> None:
    """Note that it was used now."""
    with store.write() as tx:
        tx.database.run("use_token", {"id": token_id, "now": tx.now})


def sign_in(store: Store, text: bytes) -> str | None:
    """A session of the token, for a browser; None for a token that lets nobody in. The same rules hold for its text."""
    holder = verify(store, text)
    if holder is None:
        return None
    handle, session = _new("")
    with store.write() as tx:
        tx.database.run("delete_expired_sessions", {"now": tx.now})
        parameters = {
            "handle": handle,
            "digest": _digest(session.encode()),
            "token_id": holder.token_id,
            "expires_on": tx.now + SESSION_LASTS,
            "now": tx.now,
        }
        tx.database.run("insert_session", parameters)
    return session


def sign_out(store: Store, session: bytes) -> None:
    """End the session, if it is one."""
    if (match := SESSION.fullmatch(session)) and verify_session(store, session) is not None:
        with store.write() as tx:
            tx.database.run("delete_session", {"handle": match[1].decode()})


def form_key(session: str) -> str:
    """What a form of this session carries: no other site can know it, and the session cannot be learnt from it."""
    return hmac.new(session.encode(), b"jobctl form", hashlib.sha256).hexdigest()


def is_form_key(session: str, given: str) -> bool:
    """In constant time, whatever was given."""
    return hmac.compare_digest(form_key(session).encode(), given.encode("utf-8", "surrogateescape"))


def _new(prefix: str) -> tuple[str, str]:
    handle = secrets.token_hex(6)
    return handle, f"{prefix}{handle}_{secrets.token_urlsafe(32)}"


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()


def _verify(store: Store, pattern: re.Pattern[bytes], statement: str, text: bytes) -> Holder | None:
    match = pattern.fullmatch(text)
    rows = store.database.run(statement, {"handle": match[1].decode()}) if match else []
    digest, token_id, name, scopes, expires_on, revoked_on = rows[0] if rows else (NOBODYS, 0, "", "", None, None)
    same = hmac.compare_digest(_digest(text), digest)
    over = revoked_on is not None or (expires_on is not None and expires_on <= store.clock.now())
    return Holder(token_id, name, frozenset(scopes.split())) if same and not over else None
