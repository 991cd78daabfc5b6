"""Signing in and out, the page's files, and what is refused, as pages."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from jobctl.errors import NotFound
from jobctl.web import payloads, sessions
from jobctl.web.callers import READING, public
from jobctl.web.failures import Failure
from jobctl.web.page.rendering import FILES, PREFIX, Page

TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FOR_EVER: Final = {"cache-control": "public, max-age=31536000, immutable"}
OWN: Final = re.compile(rf"{PREFIX}(?:[/?][!-\[\]-~]*)?", re.ASCII)
"""An address of this page, without a backslash: nobody is led elsewhere from it."""


def own_address(text: str) -> str:
    """Where to go on; the table of system jobs for what is no address of the page."""
    return text if OWN.fullmatch(text) and "//" not in text.partition("?")[0] else PREFIX


@public
async def root(request: Request) -> Response:
    return RedirectResponse(PREFIX, 303)


@public
async def static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in FILES:
        raise NotFound("nothing is found at this address")
    return Response(FILES[name], media_type=TYPES["." + name.rpartition(".")[2]], headers=FOR_EVER)


@public
async def sign_in(request: Request) -> Response:
    """The form, and what becomes of it."""
    page = Page(request)
    if request.method in READING:
        onward = payloads.query(request, "next").get("next", "")
        return page.answer("sign_in.html", onward=own_address(onward), message=None)
    fields = await payloads.form(request)
    onward = own_address(fields.get("next", ""))
    answer = RedirectResponse(onward, 303)
    if await sessions.sign_in(request, answer, fields.get("token", "")):
        return answer
    return page.answer("sign_in.html", 401, onward=onward, message=page.words("sign_in.failed"))


@public
async def sign_out(request: Request) -> Response:
    """For everybody: also for whose session is over."""
    answer = RedirectResponse(f"{PREFIX}/sign-in", 303)
    await sessions.sign_out(request, answer)
    return answer


def render(request: Request, failure: Failure) -> Response:
    """A page with the sentence; a browser without a session is led to where one signs in."""
    page = Page(request)
    headers = {**failure.headers}
    browsing = request.method in READING and "text/html" in request.headers.get("accept", "")
    if failure.status == 401 and browsing:
        query = request.url.query
        onward = quote(own_address(request.url.path + (f"?{query}" if query else "")), safe="/")
        return RedirectResponse(f"{PREFIX}/sign-in" + (f"?next={onward}" if onward != PREFIX else ""), 303)
    if failure.status == 401:
        return page.answer("sign_in.html", 401, headers, onward=PREFIX, message=page.words("sign_in.missing"))
    return page.answer("failure.html", failure.status, headers, message=failure.message)
