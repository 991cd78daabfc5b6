"""The addresses of the dialect, below `/api/data/v9.x/`, and what each answers to which method."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from jobctl.errors import BadInput, JobctlError
from jobctl.store import Store
from jobctl.web.dataverse import service
from jobctl.web.dataverse.answers import Answer, Request, failed, refused
from jobctl.web.dataverse.attributes import REFERRED, SET, shown

READ: Final = "read"
MANAGE: Final = "manage"
SCOPES: Final[Mapping[str, str]] = {"GET": READ, "POST": MANAGE, "PUT": MANAGE, "PATCH": MANAGE, "DELETE": MANAGE}
"""What a token must allow, by method."""
Function = Callable[..., Answer]


@dataclass(frozen=True, slots=True)
class Resource:
    path: str
    """Below the service's root; what is in braces becomes a parameter of the functions."""
    functions: Mapping[str, Function] = field(default_factory=dict)

    def answer(self, store: Store, request: Request, parameters: Mapping[str, str]) -> Answer:
        """Never raises what comes from outside: an error is an answer, too."""
        method = "GET" if request.method == "HEAD" else request.method
        if method not in self.functions:
            return self._not_allowed(request)
        try:
            check_version(request)
            return self.functions[method](store, request, **parameters)
        except JobctlError as error:
            return failed(error)

    def _not_allowed(self, request: Request) -> Answer:
        allowed = ", ".join(
            method for name in self.functions for method in (["GET", "HEAD"] if name == "GET" else [name])
        )
        why = f"this address takes {allowed}, not {shown(request.method)}"
        if self.path == SET:
            why = f"system jobs are not created here: {why}; to start a job by its name, use the other dialects"
        return refused(405, "0x80060888", why, {"Allow": allowed})


def check_version(request: Request) -> None:
    """Raises BadInput for a client that takes only older versions of OData."""
    newest = request.headers.get("odata-maxversion", "4.0").strip()
    if newest not in ("4.0", "4.01"):
        raise BadInput(f"this is OData 4.0, and OData-MaxVersion is {shown(newest)}")


KEYED: Final = f"{SET}({{key}})"
RESOURCES: Final = (
    Resource("", {"GET": service.service_document}),
    Resource("$metadata", {"GET": service.schema}),
    Resource(SET, {"GET": service.collection}),
    Resource(f"{SET}/$count", {"GET": service.count}),
    Resource(KEYED, {"GET": service.one, "PATCH": service.change, "DELETE": service.delete}),
    Resource(f"{KEYED}/{{name}}", {"GET": service.part, "PUT": service.change_part}),
    Resource(f"{KEYED}/{{name}}/$value", {"GET": partial(service.part, raw=True)}),
    Resource("systemusers", {"GET": service.users}),
    Resource("systemusers({key})", {"GET": service.user}),
    *(
        Resource(str(entity.set), {"GET": partial(service.none_of, name=str(entity.set))})
        for entity in REFERRED.values()
        if entity.set not in (None, "systemusers")
    ),
    Resource("BulkDelete", {"POST": service.delete_in_bulk}),
)


def unknown(path: str) -> Answer:
    """The answer of an address that is none of these."""
    return refused(404, "0x8006088a", f"there is no resource {shown(path)}; the service document lists them")
