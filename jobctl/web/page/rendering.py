"""Answers made of templates: every text is made visible, then escaped; nothing that comes from a job becomes markup."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from jobctl.output.text import escape
from jobctl.schedule.zones import local_zone_name, zone
from jobctl.web import sessions
from jobctl.web.callers import Caller, Scope
from jobctl.web.page.showing import Shower
from jobctl.web.page.words import Words, preferred

PREFIX: Final = "/monitor"
HERE: Final = Path(__file__).parent
FILES: Final[Mapping[str, bytes]] = {path.name: path.read_bytes() for path in sorted((HERE / "static").iterdir())}
"""What `static/` holds, by name."""


def visible(value: object) -> object:
    """A text without control and invisible characters; markup of the page's own stays as it is."""
    return escape(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def address_of(name: str) -> str:
    """Of a file, with a part that changes with what is in it: browsers may keep it for ever."""
    return f"{PREFIX}/static/{name}?v={hashlib.sha256(FILES[name]).hexdigest()[:12]}"


ENVIRONMENT: Final = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=visible,
    trim_blocks=True,
    lstrip_blocks=True,
)
ENVIRONMENT.globals["file"] = address_of
ENVIRONMENT.globals["raw"] = lambda text: Markup("{}").format(text)  # what a person typed, its lines as they are


class Page:
    """What is needed to answer one request: its language, the home's clock and who asks."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.words = Words(preferred(request.headers.get("accept-language", "")))
        self.clock = request.app.state.services.clock if "app" in request.scope else None
        self.zone_name = local_zone_name()
        self.zone = zone(self.zone_name)

    @cached_property
    def show(self) -> Shower:
        from jobctl.clock import system_clock

        now = (self.clock or system_clock()).now()
        return Shower(self.words, self.zone, self.zone_name, now)

    @property
    def caller(self) -> Caller | None:
        found: Caller | None = getattr(self.request.state, "caller", None)
        return found

    def text(self, template: str, **context: Any) -> str:
        """A template with what all of them may use."""
        caller = self.caller
        return ENVIRONMENT.get_template(template).render(
            t=self.words,
            show=self.show,
            language=self.words.language,
            prefix=PREFIX,
            who=None if caller is None or caller.session is None else caller.name,
            form_key="" if caller is None else sessions.form_key(self.request),
            may_submit=caller is not None and caller.may(Scope.SUBMIT),
            may_manage=caller is not None and caller.may(Scope.MANAGE),
            **context,
        )

    def answer(
        self, template: str, status: int = 200, headers: Mapping[str, str] | None = None, **context: Any
    ) -> Response:
        more = {"content-language": self.words.language, "vary": "Accept-Language, Cookie"}
        return HTMLResponse(self.text(template, **context), status, headers={**more, **(headers or {})})
