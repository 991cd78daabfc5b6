"""System jobs as entities: their attributes in Dataverse's forms, with the annotations a client asks for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from jobctl.document import system_job_document
from jobctl.model import JsonDict, SystemJob
from jobctl.store import Store
from jobctl.web.dataverse import identifiers
from jobctl.web.dataverse.attributes import (
    ATTRIBUTES,
    BOOLEAN,
    ENTITY,
    INSTANT,
    KEY,
    LABELS,
    NAVIGATIONS,
    REFERRED,
    Attribute,
)
from jobctl.web.dataverse.options import Wanted

NAMESPACE: Final = "Microsoft.Dynamics.CRM"
FORMATTED: Final = "OData.Community.Display.V1.FormattedValue"
LOGICAL_NAME: Final = "Microsoft.Dynamics.CRM.lookuplogicalname"
NAVIGATION: Final = "Microsoft.Dynamics.CRM.associatednavigationproperty"
MOST_DATA: Final = 8 * 1024 * 1024
"""Characters of data in one page; one that has more by itself stands alone."""


@dataclass(frozen=True, slots=True)
class Annotations:
    """Which of the annotations are wanted, as `Prefer: odata.include-annotations` says (OData 4.0, part 1, 8.2.8.4)."""

    patterns: tuple[str, ...] = ()

    @classmethod
    def of(cls, text: str) -> Annotations:
        return cls(tuple(part.strip() for part in text.split(",") if part.strip()))

    def has(self, name: str) -> bool:
        """The longest pattern that fits says; `-` before it excludes."""
        best, included = -1, False
        for pattern in self.patterns:
            bare = pattern.removeprefix("-")
            stem = bare.removesuffix("*")
            fits = name.startswith(stem) if bare.endswith("*") else name == bare
            if fits and len(stem) >= best:
                best, included = len(stem), not pattern.startswith("-")
        return included


def etag(row: SystemJob) -> str:
    """Changes with whatever changes its state, status or due instant."""
    return f'W/"{row.modified_on}.{row.claim}.{int(row.status)}"'


class Entities:
    """The entities of one answer."""

    def __init__(self, store: Store, wanted: Wanted, annotations: Annotations, metadata: str, base: str) -> None:
        """`metadata` is how much is told of types: none, minimal or full; `base` the address of the service."""
        self.store = store
        self.base = base
        self.wanted = wanted
        self.annotations = annotations
        self.metadata = metadata

    def of(self, rows: list[SystemJob]) -> list[JsonDict]:
        texts = payloads(self.store, rows) if "data" in self.wanted.attributes else {}
        actors = actor_numbers(
            self.store, {name for row in rows for name in (row.created_by, row.modified_by, row.owner)}
        )
        return [self._entity(row, texts.get(row.sequence), actors) for row in rows]

    def _entity(self, row: SystemJob, data: str | None, actors: Mapping[str, int]) -> JsonDict:
        document = system_job_document(row)
        document["data"] = data
        entity: JsonDict = {} if self.metadata == "none" else {"@odata.etag": etag(row)}
        if self.metadata == "full":
            place = f"{ENTITY}s({identifiers.of_system_job(row.id)})"
            entity |= {"@odata.type": f"#{NAMESPACE}.{ENTITY}", "@odata.id": f"{self.base}{place}"}
            entity["@odata.editLink"] = place
        names = self.wanted.attributes
        for name in names if KEY in names else (*names, KEY):
            attribute = ATTRIBUTES[name]
            value = shown(attribute, document, actors)
            entity |= self._notes(attribute, value, document)
            entity[name] = value
        for name, properties in self.wanted.expanded.items():
            entity[name] = referred(NAVIGATIONS[name], properties, document, actors)
        return entity

    def _notes(self, attribute: Attribute, value: Any, document: JsonDict) -> JsonDict:
        """The annotations of one value, which stand before it."""
        text = formatted(attribute, value, document)
        notes = {FORMATTED: text}
        if attribute.target is not None and text is not None:
            notes[LOGICAL_NAME] = str(attribute.target)
            if attribute.target == "regarding":
                notes[LOGICAL_NAME] = str(document["primary_entity_type"])
            else:
                notes[NAVIGATION] = attribute.fetch_name
                if attribute.target == "principal":
                    notes[LOGICAL_NAME] = "systemuser"
        return {
            f"{attribute.name}@{name}": note
            for name, note in notes.items()
            if note is not None and self.annotations.has(name)
        }


def payloads(store: Store, rows: list[SystemJob]) -> dict[int, str]:
    """The data of each, as JSON text."""
    numbers = json.dumps([row.sequence for row in rows])
    return dict(store.database.run("payloads_numbered", {"sequences": numbers}))


def room_for_data(store: Store, rows: list[SystemJob]) -> int:
    """How many of the rows fit into a page with their data; one at least."""
    numbers = json.dumps([row.sequence for row in rows])
    sizes: dict[int, int | None] = dict(store.database.run("payload_sizes", {"sequences": numbers}))
    total = 0
    for place, row in enumerate(rows):
        total += sizes.get(row.sequence) or 0
        if total > MOST_DATA and place:
            return place
    return len(rows)


def actor_numbers(store: Store, names: Iterable[str]) -> dict[str, int]:
    """The numbers of actors by their names."""
    return dict(store.database.run("actors_named", {"names": json.dumps(sorted(names))}))


def shown(attribute: Attribute, document: JsonDict, actors: Mapping[str, int]) -> Any:
    """The value of an attribute."""
    value = document[attribute.shows]
    if value is None:
        return None
    if attribute.name == KEY:
        return identifiers.of_system_job(value)
    if attribute.type == INSTANT:
        return value.removesuffix("+00:00") + "Z"
    if attribute.name == "executiontimespan":
        return round(value, 2)
    if attribute.name == "_regardingobjectid_value":
        found = identifiers.parse(value.partition(":")[2])
        return None if found is None else str(found)
    if attribute.target is not None:
        return identifiers.of_actor(actors[_actor_name(attribute, document)])
    return value


def _actor_name(attribute: Attribute, document: JsonDict) -> str:
    """`owning_user` shows a bare login; the others the actor's own name."""
    name = "owner" if attribute.shows == "owning_user" else attribute.shows
    return str(document[name])


def full_name(actor: str) -> str:
    return actor.removeprefix("user:")


def formatted(attribute: Attribute, value: Any, document: JsonDict) -> str | None:
    """A value as a person reads it; None where that is the value itself."""
    if attribute.name in LABELS:
        return LABELS[attribute.name].get(value, str(value))
    if attribute.target == "regarding":
        return None if document["regarding"] is None else str(document["regarding"])
    if value is None:
        return None
    if attribute.target is not None:
        return full_name(_actor_name(attribute, document))
    if attribute.type == INSTANT:
        return f"{datetime.fromisoformat(value):%Y-%m-%d %H:%M:%S} UTC"
    if attribute.type == BOOLEAN:
        return "Yes" if value else "No"
    return None if isinstance(value, str) else f"{value:,}"


def referred(
    attribute: Attribute, properties: Iterable[str], document: JsonDict, actors: Mapping[str, int]
) -> JsonDict | None:
    """What a reference leads to; None where there is nothing."""
    if document[attribute.shows] is None:
        return None
    name = _actor_name(attribute, document)
    entity = REFERRED[str(attribute.target)]
    found = user(actors[name], name)
    return {key: found[key] for key in dict.fromkeys((*properties, entity.key))}


def user(number: int, name: str) -> JsonDict:
    """An actor as an entity."""
    guid = identifiers.of_actor(number)
    return {"systemuserid": guid, "ownerid": guid, "fullname": full_name(name), "domainname": name}


def context(base: str, wanted: Wanted, single: bool = False) -> str:
    """`@odata.context` of an answer with such entities (OData 4.0, part 1, section 10)."""
    parts = [] if wanted.everything else list(wanted.attributes)
    parts += [f"{name}({','.join(properties)})" for name, properties in wanted.expanded.items()]
    selected = f"({','.join(parts)})" if parts else ""
    return f"{base}$metadata#{ENTITY}s{selected}{'/$entity' if single else ''}"
