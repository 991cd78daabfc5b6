"""The session of a person's browser: a cookie made from a token, and the key that its forms carry."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from jobctl import tokens
from jobctl.clock import MICROSECONDS
from jobctl.web.callers import caller
from jobctl.web.doorkeeper import COOKIE, session_of
from jobctl.web.services import write


async def sign_in(request: Request, response: Response, token: str) -> bool:
    """Give the browser a session of that token; False, and nothing done, for a token that lets nobody in."""
    text = token.strip().encode("utf-8", "surrogateescape")
    session = await write(request, lambda store: tokens.sign_in(store, text))
    if session is None:
        return False
    lasts = tokens.SESSION_LASTS // MICROSECONDS
    response.set_cookie(
        COOKIE, session, max_age=lasts, path="/", httponly=True, samesite="strict", secure=_is_tls(request)
    )
    return True


async def sign_out(request: Request, response: Response) -> None:
    """End the session that the browser sent, and have it forgotten."""
    session = (session_of(request) or "").encode("latin-1", "replace")
    await write(request, lambda store: tokens.sign_out(store, session))
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict", secure=_is_tls(request))


def form_key(request: Request) -> str:
    """For the hidden field `form_key` of forms, or the header X-Form-Key of scripts; "" for who has no session.

    The gate refuses changes with a session's cookie that do not carry it.
    """
    session = caller(request).session
    return "" if session is None else tokens.form_key(session)


def _is_tls(request: Request) -> bool:
    return request.url.scheme == "https"
