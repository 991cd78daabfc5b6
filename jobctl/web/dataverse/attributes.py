"""The attributes of AsyncOperation, by Dataverse's names, and what of a system job each of them shows.

Names, types and lengths are those of Dataverse's entity reference; `jobctl_…` is as one's own columns are named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from jobctl.errors import BadInput, near_miss

ENTITY: Final = "asyncoperation"
SET: Final = "asyncoperations"
KEY: Final = "asyncoperationid"

GUID: Final = "Edm.Guid"
TEXT: Final = "Edm.String"
INTEGER: Final = "Edm.Int32"
LONG: Final = "Edm.Int64"
DOUBLE: Final = "Edm.Double"
BOOLEAN: Final = "Edm.Boolean"
INSTANT: Final = "Edm.DateTimeOffset"


@dataclass(frozen=True, slots=True)
class Attribute:
    name: str
    """As `$select` and `$filter` name it."""
    type: str
    column: str | None
    """What `querying` calls it; None where it cannot be searched for."""
    shows: str
    """The key of a system job's document that it shows."""
    length: int | None = None
    updatable: bool = False
    target: str | None = None
    """Of a lookup: the entity it refers to."""

    @property
    def fetch_name(self) -> str:
        """As FetchXML names it: a lookup by its logical name."""
        return self.name[1:-6] if self.target is not None else self.name


def lookup(name: str, column: str | None, shows: str, target: str) -> Attribute:
    return Attribute(f"_{name}_value", GUID, column, shows, target=target)


_ALL: Final = (
    Attribute(KEY, GUID, "id", "id"),
    Attribute("name", TEXT, "name", "name", 256),
    Attribute("operationtype", INTEGER, "operation_type", "operation_type"),
    Attribute("messagename", TEXT, "message_name", "message_name", 160),
    Attribute("statecode", INTEGER, "state", "state_code", updatable=True),
    Attribute("statuscode", INTEGER, "status", "status_code", updatable=True),
    Attribute("postponeuntil", INSTANT, "postpone_until", "postpone_until", updatable=True),
    Attribute("recurrencepattern", TEXT, "recurrence_pattern", "recurrence_pattern", 256),
    Attribute("recurrencestarttime", INSTANT, "recurrence_start_time", "recurrence_start_time"),
    Attribute("dependencytoken", TEXT, "dependency_token", "dependency_token", 256),
    Attribute("sequence", LONG, "sequence", "sequence"),
    Attribute("createdon", INSTANT, "created_on", "created_on"),
    Attribute("modifiedon", INSTANT, "modified_on", "modified_on"),
    Attribute("startedon", INSTANT, "started_on", "started_on"),
    Attribute("completedon", INSTANT, "completed_on", "completed_on"),
    Attribute("executiontimespan", DOUBLE, "execution_time_span", "execution_time_span"),
    Attribute("retrycount", INTEGER, "retry_count", "retry_count"),
    Attribute("errorcode", INTEGER, "error_code", "error_code"),
    Attribute("message", TEXT, "message", "message", 100_000),
    Attribute("friendlymessage", TEXT, None, "friendly_message", 100_000),
    Attribute("data", TEXT, "data", "data", 1_073_741_823),
    Attribute("depth", INTEGER, "depth", "depth"),
    Attribute("iswaitingforevent", BOOLEAN, "is_waiting_for_event", "is_waiting_for_event"),
    Attribute("primaryentitytype", TEXT, "primary_entity_type", "primary_entity_type", 128),
    Attribute("utcconversiontimezonecode", INTEGER, "utc_offset", "utc_conversion_time_zone_code"),
    Attribute("workflowstagename", TEXT, "stage", "stage", 256),
    lookup("createdby", "created_by", "created_by", "systemuser"),
    lookup("modifiedby", "modified_by", "modified_by", "systemuser"),
    lookup("ownerid", "owner", "owner", "principal"),
    lookup("owninguser", "owning_user", "owning_user", "systemuser"),
    lookup("owningteam", "nothing", "owning_team", "team"),
    lookup("owningbusinessunit", "nothing", "owning_business_unit", "businessunit"),
    lookup("owningextensionid", "nothing", "owning_extension", "sdkmessageprocessingstep"),
    Attribute("_regardingobjectid_value", GUID, "regarding_id", "regarding", target="regarding"),
    Attribute("jobctl_job", TEXT, "job", "job", 100),
    Attribute("jobctl_reason", TEXT, "reason", "reason", 100),
    Attribute("jobctl_regarding", TEXT, "regarding", "regarding", 301),
    Attribute("jobctl_progress", DOUBLE, "progress", "progress"),
)
ATTRIBUTES: Final[Mapping[str, Attribute]] = {attribute.name: attribute for attribute in _ALL}
FETCHED: Final[Mapping[str, Attribute]] = {attribute.fetch_name: attribute for attribute in _ALL}
"""By the names of FetchXML."""
PATHS: Final[Mapping[str, str]] = {
    "createdby/fullname": "created_by_name",
    "modifiedby/fullname": "modified_by_name",
    "owninguser/fullname": "owning_user_name",
}
"""What can be searched for through a reference, and the column."""


@dataclass(frozen=True, slots=True)
class Referred:
    """An entity that a reference leads to."""

    name: str
    set: str | None
    """The entity set; None for one that is only ever a type."""
    key: str
    attributes: Mapping[str, str]
    """With their types, the key among them."""


REFERRED: Final[Mapping[str, Referred]] = {
    entity.name: entity
    for entity in (
        Referred("principal", None, "ownerid", {"ownerid": GUID}),
        Referred(
            "systemuser",
            "systemusers",
            "systemuserid",
            {"systemuserid": GUID, "ownerid": GUID, "fullname": TEXT, "domainname": TEXT},
        ),
        Referred("team", "teams", "teamid", {"teamid": GUID, "name": TEXT}),
        Referred("businessunit", "businessunits", "businessunitid", {"businessunitid": GUID, "name": TEXT}),
        Referred(
            "sdkmessageprocessingstep",
            "sdkmessageprocessingsteps",
            "sdkmessageprocessingstepid",
            {"sdkmessageprocessingstepid": GUID, "name": TEXT},
        ),
    )
}
NAVIGATIONS: Final[Mapping[str, Attribute]] = {
    attribute.fetch_name: attribute for attribute in _ALL if attribute.target in REFERRED
}
"""What `$expand` may name, and the lookup behind it."""

OPERATION_TYPES: Final[Mapping[int, str]] = {10: "Workflow", 13: "Bulk Delete", 14: "Deletion Service"}
LABELS: Final[Mapping[str, Mapping[int, str]]] = {
    "operationtype": OPERATION_TYPES,
    "statecode": {0: "Ready", 1: "Suspended", 2: "Locked", 3: "Completed"},
    "statuscode": {
        0: "Waiting For Resources",
        10: "Waiting",
        20: "In Progress",
        21: "Pausing",
        22: "Canceling",
        30: "Succeeded",
        31: "Failed",
        32: "Canceled",
    },
}


def attribute(name: str, known: Mapping[str, Attribute] = ATTRIBUTES) -> Attribute:
    """Raises BadInput, with the nearest name."""
    if name not in known:
        raise BadInput(f"{ENTITY} has no property {shown(name)}{suggestion(name, known)}")
    return known[name]


def suggestion(name: str, known: Iterable[str]) -> str:
    """`; did you mean …?`, also where only the letters' case or a lookup's form is wrong."""
    names = list(known)
    for candidate in (name.lower(), f"_{name.lower()}_value"):
        if candidate in names:
            return f"; did you mean {candidate!r}?"
    return near_miss(name[:100], names)


def shown(text: str) -> str:
    """A piece of what was typed, for a sentence about it."""
    return ascii(text if len(text) <= 60 else text[:57] + "…")
