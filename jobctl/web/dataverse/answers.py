"""Requests and answers of the dialect, apart from how they travel."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from jobctl import jsontext
from jobctl.errors import BadInput, JobctlError, NotFound, NotPermitted, Refused, TimedOut, TryAgain
from jobctl.model import JsonDict
from jobctl.web.dataverse.attributes import shown
from jobctl.web.dataverse.entities import Annotations

VERSION: Final = {"OData-Version": "4.0"}
PREFERENCE: Final = re.compile(r'\s*([\w.-]+)\s*(?:=\s*(?:"([^"]*)"|([^",;\s]*)))?\s*(?:;[^,]*)?(?:,|$)', re.ASCII)
METADATA: Final = re.compile(r"odata\.metadata\s*=\s*(none|minimal|full)", re.ASCII)
CODES: Final[tuple[tuple[type[JobctlError], int, str], ...]] = (
    (BadInput, 400, "0x80060888"),
    (NotFound, 404, "0x80040217"),
    (Refused, 409, "0x80048408"),
    (NotPermitted, 403, "0x80040220"),
    (TimedOut, 503, "0x80044151"),
    (TryAgain, 503, "0x80044150"),
)
"""What an error becomes: the status, and Dataverse's own code where it has one for that."""


class Changed(JobctlError):
    """It is not as the client knew it (If-Match)."""


class OtherType(JobctlError):
    """The body is of a type that is not read."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    base: str
    """The address of the service, with a slash at its end."""
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    """With names in small letters."""
    body: bytes = b""

    @property
    def preferences(self) -> dict[str, str]:
        """What `Prefer` says (RFC 7240); what cannot be read is no preference."""
        found: dict[str, str] = {}
        for name, quoted, bare in PREFERENCE.findall(self.headers.get("prefer", "")):
            found.setdefault(name.lower().removeprefix("odata."), quoted or bare)
        return found

    @property
    def annotations(self) -> Annotations:
        return Annotations.of(self.preferences.get("include-annotations", ""))

    @property
    def page_size(self) -> int | None:
        text = self.preferences.get("maxpagesize", "")
        return int(text) if re.fullmatch("[1-9][0-9]{0,8}", text, re.ASCII) else None

    def metadata(self, format_: str | None = None) -> str:
        """How much is told of the types: none, minimal or full."""
        match = METADATA.search(format_ or self.headers.get("accept", ""))
        return match[1] if match else "minimal"

    def document(self) -> object:
        """The body. Raises OtherType and BadInput if it is not JSON."""
        kind = self.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise OtherType(f"the body is to be application/json, not {shown(kind)}")
        try:
            return json.loads(jsontext.check_json(self.body.decode("utf-8")))
        except UnicodeDecodeError:
            raise BadInput("the body is not UTF-8") from None

    def applied(self) -> dict[str, str]:
        """The header that says which preferences were followed."""
        said = self.preferences
        parts = []
        if self.page_size is not None:
            parts.append(f"odata.maxpagesize={self.page_size}")
        if self.annotations.patterns:
            parts.append(f'odata.include-annotations="{said["include-annotations"]}"')
        if said.get("return") in ("representation", "minimal") and self.method == "PATCH":
            parts.append(f"return={said['return']}")
        return {"Preference-Applied": ", ".join(parts)} if parts else {}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def found(document: JsonDict, request: Request, metadata: str = "minimal", status: int = 200) -> Answer:
    """A document as JSON."""
    kind = f"application/json; odata.metadata={metadata}; charset=utf-8"
    body = json.dumps(document, ensure_ascii=False).encode("utf-8", "backslashreplace")
    return Answer(status, body, {"Content-Type": kind, **VERSION, **request.applied()})


def text(body: bytes, kind: str, status: int = 200) -> Answer:
    return Answer(status, body, {"Content-Type": kind, **VERSION})


def nothing(headers: Mapping[str, str] | None = None, status: int = 204) -> Answer:
    return Answer(status, b"", {**VERSION, **(headers or {})})


def failed(error: JobctlError) -> Answer:
    """An error as OData 4.0 has it: a code and a sentence."""
    if isinstance(error, Changed):
        return refused(412, "0x80060882", str(error))
    if isinstance(error, OtherType):
        return refused(415, "0x80060888", str(error))
    for kind, status, code in CODES:
        if isinstance(error, kind):
            return refused(status, code, str(error))
    return refused(500, "0x80040216", str(error))


def refused(status: int, code: str, sentence: str, headers: Mapping[str, str] | None = None) -> Answer:
    document = {"error": {"code": code, "message": sentence}}
    body = json.dumps(document, ensure_ascii=False).encode("utf-8", "backslashreplace")
    kind = {"Content-Type": "application/json; odata.metadata=minimal; charset=utf-8"}
    again = {"Retry-After": "1"} if status == 503 else {}
    return Answer(status, body, {**kind, **VERSION, **again, **(headers or {})})
