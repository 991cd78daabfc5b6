"""The addresses: Azure's own, and a short form of them. Both lead to the one collection that a home is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.routing import Route

from jobctl import texts
from jobctl.web import payloads
from jobctl.web.callers import Endpoint
from jobctl.web.failures import Failure, Rejected

VERSION: Final = "2016-03-01"
LONG: Final = (
    "/subscriptions/{subscription}/resourceGroups/{group}"
    "/providers/Microsoft.Scheduler/jobCollections/{collection}/jobs"
)
SHORT: Final = "/azure/jobs"
TYPE: Final = "Microsoft.Scheduler/jobCollections/jobs"
PAGED: Final = ("$top", "$skip", "$filter")
CODES: Final = {
    400: "BadRequest",
    401: "AuthenticationFailed",
    403: "AuthenticationFailed",
    404: "ResourceNotFound",
    405: "InvalidHttpVerb",
    409: "ConflictError",
    500: "InternalError",
    503: "ServerBusy",
}
"""Azure's own, by status; what has none there is a bad request or an internal error."""


class AnyCase(Route):
    """A route whose fixed parts are the same in any letter case, as all of Azure's are."""

    def __init__(self, path: str, endpoint: Endpoint, methods: list[str]) -> None:
        super().__init__(path, endpoint, methods=methods)
        self.path_regex = re.compile(self.path_regex.pattern, re.IGNORECASE)


class VersionMissing(Failure):
    CODE: ClassVar = "MissingOrInvalidRequiredQueryParameter"

    @property
    def code(self) -> str:
        return self.CODE


@dataclass(frozen=True, slots=True)
class Address:
    """Where a request arrived; subscription, group and collection may be any, and come back as they were written."""

    jobs: str
    """The path of the list of jobs."""
    collection: str | None
    job: str
    """Empty for the list."""
    server: str

    @classmethod
    def of(cls, request: Request) -> Address:
        """Raises BadInput for parts that cannot be shown."""
        parts: Mapping[str, Any] = request.path_params
        for name, value in parts.items():
            texts.clean(str(value), f"the {name} in the address")
        shown = {name: quote(str(value), safe="") for name, value in parts.items()}
        jobs = LONG.format_map(shown) if "collection" in parts else SHORT
        return cls(jobs, parts.get("collection"), parts.get("job", ""), f"{request.url.scheme}://{request.url.netloc}")

    def document(self, name: str, properties: Mapping[str, Any], kind: str = "", entry: str = "") -> dict[str, Any]:
        """A resource as Azure shows it: of the job of that name, or one of the `kind` that belongs to it."""
        path, names = f"{self.jobs}/{quote(name, safe='')}", [name]
        if self.collection is not None:
            names.insert(0, self.collection)
        if kind:
            path, names = f"{path}/{kind}/{entry}", [*names, entry]
        type_ = f"{TYPE}/{kind}" if kind else TYPE
        return {"id": path, "name": "/".join(names), "type": type_, "properties": dict(properties)}

    def next_link(self, said: Mapping[str, str], rest: str, skip: int) -> str:
        """The address of the next page: the same question, further on."""
        asked = {**said, "$skip": str(skip)}
        return f"{self.server}{self.jobs}{rest}?" + "&".join(
            f"{name}={quote(value, safe='')}" for name, value in asked.items()
        )


def query(request: Request, *allowed: str) -> dict[str, str]:
    """The parameters of the address. Raises BadInput, and Rejected for an API version that is missing or another."""
    said = payloads.query(request, "api-version", *allowed)
    version = said.get("api-version")
    needed = "collection" in request.path_params
    if version is None and not needed:
        return said
    if version != VERSION:
        has = "is missing" if version is None else f"cannot be {version!a}"
        rejected = Rejected(400, "")
        rejected.failure = VersionMissing(400, f"api-version {has}; this is api-version={VERSION}")
        raise rejected
    return said
