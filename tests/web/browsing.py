"""A person's browser without a window: a session, pages, and forms sent as the page gives them."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

import httpx

from tests.web.serving import Served

KEY = re.compile(r'name="form_key" value="([0-9a-f]{64})"')
FORM = re.compile(r'<form[^>]* method="post" action="([^"]+)"')
VOID = frozenset({"meta", "link", "input", "br"})


class Person:
    """Signed in with a token, unless it is None."""

    def __init__(self, served: Served, token: str | None, language: str = "en") -> None:
        self.client = served.client()
        self.client.headers.update({"Accept-Language": language, "Accept": "text/html,*/*;q=0.8"})
        if token is not None:
            entered = self.post("/monitor/sign-in", token=token)
            assert entered.status_code == 303, entered.text

    def get(self, address: str) -> httpx.Response:
        return self.client.get(address)

    def page(self, address: str, status: int = 200) -> str:
        """Its text, checked as every page is."""
        answer = self.get(address)
        assert answer.status_code == status, (address, answer.status_code, answer.text)
        check_page(answer)
        return answer.text

    def post(self, address: str, **fields: str) -> httpx.Response:
        return self.client.post(address, data=fields)

    def send(self, page: str, action: str, **fields: str) -> httpx.Response:
        """The form with that action as the page at `page` offers it."""
        text = self.page(page)
        assert action in [unescape(found) for found in FORM.findall(text)], f"{page} does not offer {action}"
        return self.post(action, form_key=key_of(text), **fields)

    def offers(self, page: str) -> set[str]:
        """The last parts of the actions of its forms."""
        return {unescape(found).rpartition("/")[2] for found in FORM.findall(self.page(page))} - {"sign-out"}

    def key(self) -> str:
        return key_of(self.page("/monitor/jobs"))


def key_of(text: str) -> str:
    found = KEY.search(text)
    assert found, "no form on the page"
    return found[1]


class Checker(HTMLParser):
    """Counts what a page is made of."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("li", "p", "option", "td", "tr"):
            while self.open and self.open[-1] in ("li", "p", "option", "td", "tr") and self.open[-1] != tag:
                self.open.pop()
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        self.text += data


def check_page(answer: httpx.Response) -> Checker:
    """Well-formed, in one language, and nothing in it that the policy of scripts and styles would refuse."""
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src 'self'; style-src 'self'" in answer.headers["content-security-policy"]
    checker = Checker()
    checker.feed(answer.text)
    assert checker.open == []
    for tag, attributes in checker.tags:
        assert tag not in ("style", "iframe", "object", "embed", "img", "b2"), tag  # the last is of hostile data
        assert tag != "script" or str(attributes.get("src", "")).startswith("/monitor/static/")
        assert "style" not in attributes and not [name for name in attributes if name.startswith("on")]
        for name in ("href", "src", "action"):
            assert not (attributes.get(name) or "").lower().startswith(("javascript:", "data:", "//", "http"))
    names = [tag for tag, _ in checker.tags]
    assert names.count("h1") == 1 and names.count("main") == 1
    ids = [found["id"] for _, found in checker.tags if "id" in found]
    assert len(ids) == len(set(ids)), "an id is there twice"
    labelled = {found.get("for") for tag, found in checker.tags if tag == "label"}
    for tag, found in checker.tags:
        if tag in ("input", "select", "textarea") and found.get("type") not in ("hidden", "checkbox"):
            assert found.get("id") in labelled, f"no label: {found}"
    return checker
