"""The service document, and `$metadata`: the entities in CSDL (OData 4.0, part 3), as Dataverse lays them out."""

from __future__ import annotations

from functools import cache
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from jobctl.model import JsonDict
from jobctl.web.dataverse.attributes import ATTRIBUTES, ENTITY, GUID, INSTANT, KEY, NAVIGATIONS, REFERRED, SET, TEXT
from jobctl.web.dataverse.entities import NAMESPACE as NAMESPACE

ALIAS: Final = "mscrm"
EDMX: Final = "http://docs.oasis-open.org/odata/ns/edmx"
EDM: Final = "http://docs.oasis-open.org/odata/ns/edm"
VOCABULARY: Final = "https://docs.oasis-open.org/odata/odata-vocabularies/v4.0/vocabularies/Org.OData.Core.V1.xml"
BULK_DELETE: Final = (
    ("QuerySet", f"Collection({ALIAS}.QueryExpression)", False),
    ("JobName", TEXT, False),
    ("SendEmailNotification", "Edm.Boolean", False),
    ("ToRecipients", f"Collection({ALIAS}.principal)", False),
    ("CCRecipients", f"Collection({ALIAS}.principal)", False),
    ("RecurrencePattern", TEXT, False),
    ("StartDateTime", INSTANT, False),
    ("SourceImportId", GUID, True),
    ("RunNow", "Edm.Boolean", True),
)
"""The parameters of the action, their types, and whether they may be null."""
COMPLEX: Final = {
    "QueryExpression": {"EntityName": TEXT, "Criteria": f"{ALIAS}.FilterExpression"},
    "FilterExpression": {
        "FilterOperator": TEXT,
        "Conditions": f"Collection({ALIAS}.ConditionExpression)",
        "Filters": f"Collection({ALIAS}.FilterExpression)",
    },
    "ConditionExpression": {"AttributeName": TEXT, "Operator": TEXT, "Values": f"Collection({ALIAS}.Object)"},
    "Object": {"Type": TEXT, "Value": TEXT},
    "BulkDeleteResponse": {"JobId": GUID},
}
SETS: Final = {ENTITY: SET} | {entity.name: entity.set for entity in REFERRED.values() if entity.set is not None}


def service_document(base: str) -> JsonDict:
    """The entity sets there are."""
    sets = [{"name": name, "kind": "EntitySet", "url": name} for name in SETS.values()]
    return {"@odata.context": f"{base}$metadata", "value": sets}


@cache
def document() -> bytes:
    """`$metadata` as XML."""
    ElementTree.register_namespace("edmx", EDMX)
    root = Element(f"{{{EDMX}}}Edmx", Version="4.0")
    reference = SubElement(root, f"{{{EDMX}}}Reference", Uri=VOCABULARY)
    SubElement(reference, f"{{{EDMX}}}Include", Namespace="Org.OData.Core.V1", Alias="Core")
    services = SubElement(root, f"{{{EDMX}}}DataServices")
    # Without a prefix, as every service writes it: some clients compare the names as they stand.
    schema = SubElement(services, "Schema", xmlns=EDM, Namespace=NAMESPACE, Alias=ALIAS)
    for entity in REFERRED.values():
        element = _entity(schema, entity.name, entity.key)
        for name, type_ in entity.attributes.items():
            _property(element, name, type_, nullable=name != entity.key)
    _system_job(schema)
    for name, properties in COMPLEX.items():
        element = SubElement(schema, "ComplexType", Name=name)
        for one, type_ in properties.items():
            _property(element, one, type_)
    _action(schema)
    _container(schema)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _entity(schema: Element, name: str, key: str) -> Element:
    element = SubElement(schema, "EntityType", Name=name)
    SubElement(SubElement(element, "Key"), "PropertyRef", Name=key)
    return element


def _property(element: Element, name: str, type_: str, *, nullable: bool = True, length: int | None = None) -> Element:
    limits: dict[str, str] = {} if nullable else {"Nullable": "false"}
    limits |= {} if length is None else {"MaxLength": str(length)}
    return SubElement(element, "Property", {"Name": name, "Type": type_, **limits})


def _system_job(schema: Element) -> None:
    element = _entity(schema, ENTITY, KEY)
    for attribute in ATTRIBUTES.values():
        found = _property(
            element, attribute.name, attribute.type, nullable=attribute.name != KEY, length=attribute.length
        )
        if not attribute.updatable:
            SubElement(found, "Annotation", Term="Org.OData.Core.V1.Computed", Bool="true")
    for name, attribute in NAVIGATIONS.items():
        target = REFERRED[str(attribute.target)]
        leads = SubElement(element, "NavigationProperty", Name=name, Type=f"{ALIAS}.{target.name}")
        SubElement(leads, "ReferentialConstraint", Property=attribute.name, ReferencedProperty=target.key)


def _action(schema: Element) -> None:
    action = SubElement(schema, "Action", Name="BulkDelete")
    for name, type_, nullable in BULK_DELETE:
        SubElement(action, "Parameter", Name=name, Type=type_, Nullable="true" if nullable else "false")
    SubElement(action, "ReturnType", Type=f"{ALIAS}.BulkDeleteResponse", Nullable="false")


def _container(schema: Element) -> None:
    container = SubElement(schema, "EntityContainer", Name="System")
    for entity, name in SETS.items():
        element = SubElement(container, "EntitySet", Name=name, EntityType=f"{NAMESPACE}.{entity}")
        if entity != ENTITY:
            continue
        for path, attribute in NAVIGATIONS.items():
            if (target := SETS.get(str(attribute.target))) is not None:
                SubElement(element, "NavigationPropertyBinding", Path=path, Target=target)
    SubElement(container, "ActionImport", Name="BulkDelete", Action=f"{NAMESPACE}.BulkDelete")
