"""What the dialect answers: reading system jobs, and the operations on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from jobctl import control, logs, paging
from jobctl.bulk import Batch
from jobctl.errors import BadInput, NotFound, Refused
from jobctl.model import JsonDict, SystemJob
from jobctl.paging import MOST_COUNTED, Page, Query
from jobctl.store import Store
from jobctl.web.dataverse import bulk_delete, changes, entities, fetchxml, identifiers, metadata, options
from jobctl.web.dataverse.answers import Answer, Changed, Request, found, nothing, text
from jobctl.web.dataverse.attributes import ENTITY, NAVIGATIONS, REFERRED, SET, attribute, shown, suggestion
from jobctl.web.dataverse.entities import Entities, etag
from jobctl.web.dataverse.options import Paging, Wanted

CRM: Final = "@Microsoft.Dynamics.CRM"
ONE: Final = ("$select", "$expand", "$format")
FETCHED: Final = ("fetchXml", "$format")


def service_document(store: Store, request: Request) -> Answer:
    options.check_format(options.given(request.query, ("$format",)).get("$format"))
    return found(metadata.service_document(request.base), request)


def schema(store: Store, request: Request) -> Answer:
    options.given(request.query, ("$format",))
    return text(metadata.document(), "application/xml; charset=utf-8")


# Reading


def collection(store: Store, request: Request) -> Answer:
    """A page of system jobs."""
    said = options.given(request.query)
    options.check_format(said.get("$format"))
    if "fetchXml" in said:
        return fetched(store, request, options.given(request.query, FETCHED)["fetchXml"])
    wanted, query = options.wanted(said), options.query(said, store.clock.now())
    asked = options.paging(said, request.page_size)
    counted = options_truth(said.get("$count"), "$count")
    page = _page(store, wanted, query, asked)
    document = _document(store, request, wanted, page, said.get("$format"))
    if counted:
        document |= _counted(store, request, query)
    if (link := _next(request, said, asked, page)) is not None:
        document["@odata.nextLink"] = link
    document["value"] = document.pop("value")
    return found(document, request, request.metadata(said.get("$format")))


def options_truth(value: str | None, name: str) -> bool:
    if value not in (None, "true", "false"):
        raise BadInput(f"{name} is true or false, not {shown(str(value))}")
    return value == "true"


def _page(store: Store, wanted: Wanted, query: Query, asked: Paging, *, whole: bool = False) -> Page:
    size = asked.size if asked.left is None else min(asked.size, asked.left)
    if size == 0:
        return Page([], [], None)
    page = paging.page(store, query, size, asked.start, whole=whole)
    if "data" in wanted.attributes and page.rows:
        page = page.first(entities.room_for_data(store, page.rows))
    return page


def _document(store: Store, request: Request, wanted: Wanted, page: Page, format_: str | None) -> JsonDict:
    level = request.metadata(format_)
    document: JsonDict = {} if level == "none" else {"@odata.context": entities.context(request.base, wanted)}
    found = Entities(store, wanted, request.annotations, level, request.base).of(page.rows)
    return document | {"value": found}


def _next(request: Request, said: Mapping[str, str], asked: Paging, page: Page) -> str | None:
    """The address of the next page; None after the last."""
    left = None if asked.left is None else asked.left - len(page.rows)
    if page.next is None or left == 0:
        return None
    kept = {name: value for name, value in said.items() if name not in ("$top", "$skip", "$skiptoken")}
    kept["$skiptoken"] = options.skiptoken(page.next, left)
    return f"{request.base}{SET}?" + "&".join(f"{name}={quote(value, safe='$(),;=*/')}" for name, value in kept.items())


def _counted(store: Store, request: Request, query: Query) -> JsonDict:
    number = paging.count(store, query.condition)
    document: JsonDict = {"@odata.count": min(number, MOST_COUNTED)}
    for name, value in (("totalrecordcount", number), ("totalrecordcountlimitexceeded", number > MOST_COUNTED)):
        if request.annotations.has(f"Microsoft.Dynamics.CRM.{name}"):
            document[f"{CRM}.{name}"] = min(value, MOST_COUNTED) if name == "totalrecordcount" else value
    return document


def count(store: Store, request: Request) -> Answer:
    """`$count`: the number alone; it counts as far as Dataverse does."""
    said = options.given(request.query, ("$filter",))
    query = options.query(said, store.clock.now())
    return text(str(min(paging.count(store, query.condition), MOST_COUNTED)).encode(), "text/plain; charset=utf-8")


def fetched(store: Store, request: Request, xml: str) -> Answer:
    """A page of what FetchXML asks for."""
    fetch = fetchxml.parse(xml, store.clock.now(), _caller(store))
    # An answer to `top` has no link to what is missing.
    page = _page(store, fetch.wanted, fetch.query, fetch.paging, whole=fetch.paging.left is not None)
    document = _document(store, request, fetch.wanted, page, None)
    if fetch.counted:
        number = paging.count(store, fetch.query.condition)
        document[f"{CRM}.totalrecordcount"] = min(number, MOST_COUNTED)
        document[f"{CRM}.totalrecordcountlimitexceeded"] = number > MOST_COUNTED
    if fetch.paging.left is None:
        document[f"{CRM}.morerecords"] = page.next is not None
        if page.next is not None:
            document[f"{CRM}.fetchxmlpagingcookie"] = fetchxml.paging_cookie(fetch, page.next)
    document["value"] = document.pop("value")
    return found(document, request, request.metadata())


def _caller(store: Store) -> int:
    """The number of who asks; -1, which is nobody's, before anything of theirs is stored."""
    return entities.actor_numbers(store, [store.actor]).get(store.actor, -1)


def one(store: Store, request: Request, key: str) -> Answer:
    """One system job by its GUID."""
    said = options.given(request.query, ONE)
    options.check_format(said.get("$format"))
    row = find(store, key)
    if request.headers.get("if-none-match", "").strip() in (etag(row), "*"):
        return nothing({"ETag": etag(row)}, 304)
    return _shown(store, request, row, options.wanted(said), said.get("$format"))


def _shown(store: Store, request: Request, row: SystemJob, wanted: Wanted, format_: str | None = None) -> Answer:
    level = request.metadata(format_)
    (entity,) = Entities(store, wanted, request.annotations, level, request.base).of([row])
    context = {} if level == "none" else {"@odata.context": entities.context(request.base, wanted, single=True)}
    answer = found(context | entity, request, level)
    return Answer(answer.status, answer.body, {**answer.headers, "ETag": etag(row)})


def part(store: Store, request: Request, key: str, name: str, raw: bool = False) -> Answer:
    """One property of a system job, with `raw` its bare value, or what a reference leads to."""
    options.given(request.query, ())
    row = find(store, key)
    if name in NAVIGATIONS and not raw:
        return _reference(store, request, row, name)
    wanted = Wanted((attribute(name).name,))
    (entity,) = Entities(store, wanted, entities.Annotations(), "none", request.base).of([row])
    value = entity[name]
    if value is None:
        return nothing()
    if raw:
        words = str(value).lower() if isinstance(value, bool) else str(value)
        return text(words.encode("utf-8", "backslashreplace"), "text/plain; charset=utf-8")
    address = f"{request.base}$metadata#{SET}({identifiers.of_system_job(row.id)})/{name}"
    return found({"@odata.context": address, "value": value}, request)


def _reference(store: Store, request: Request, row: SystemJob, name: str) -> Answer:
    entity = REFERRED[str(NAVIGATIONS[name].target)]
    wanted = Wanted((), {name: tuple(entity.attributes)})
    (found_,) = Entities(store, wanted, entities.Annotations(), "none", request.base).of([row])
    if found_[name] is None:
        return nothing()
    return found({"@odata.context": f"{request.base}$metadata#{entity.set or name}/$entity", **found_[name]}, request)


def find(store: Store, key: str) -> SystemJob:
    """The system job of a key, bare or as `asyncoperationid=GUID`. Raises BadInput or NotFound."""
    bare = key.strip().removeprefix(f"{ENTITY}id=")
    guid = identifiers.parse(bare)
    if guid is None:
        raise BadInput(f"the key of {SET} is a GUID, not {shown(bare)}")
    numbers = store.system_job_by_hex(guid.hex)
    row = store.find_system_job(numbers[0]) if numbers else None
    if row is None:
        raise NotFound(f"{ENTITY} with Id = {guid} does not exist")
    return row


# What it refers to


def users(store: Store, request: Request) -> Answer:
    """Who made, changed or owns system jobs."""
    said = options.given(request.query, ("$select", "$top", "$skiptoken", "$format"))
    options.check_format(said.get("$format"))
    properties = _properties("systemuser", said.get("$select"))
    size = min(request.page_size or options.MOST_IN_PAGE, options.MOST_IN_PAGE)
    left = options.whole(said["$top"], "$top") if "$top" in said else None
    after = options.whole(said["$skiptoken"], "$skiptoken") if "$skiptoken" in said else 0
    size = size if left is None else min(size, left)
    rows = store.database.run("actors_after", {"after": after, "limit": size + 1})
    value = [_selected(entities.user(number, name), properties) for number, name in rows[:size]]
    document: JsonDict = {"@odata.context": f"{request.base}$metadata#systemusers"}
    if len(rows) > size and left is None:
        select = f"$select={quote(said['$select'], safe=',')}&" if "$select" in said else ""
        document["@odata.nextLink"] = f"{request.base}systemusers?{select}$skiptoken={rows[size - 1][0]}"
    return found(document | {"value": value}, request)


def user(store: Store, request: Request, key: str) -> Answer:
    said = options.given(request.query, ("$select", "$format"))
    options.check_format(said.get("$format"))
    guid = identifiers.parse(key.strip().removeprefix("systemuserid="))
    if guid is None:
        raise BadInput(f"the key of systemusers is a GUID, not {shown(key)}")
    number = identifiers.actor(guid)
    name = actor_name(store, number)
    if name is None:
        raise NotFound(f"systemuser with Id = {guid} does not exist")
    properties = _properties("systemuser", said.get("$select"))
    context = {"@odata.context": f"{request.base}$metadata#systemusers/$entity"}
    return found(context | _selected(entities.user(number, name), properties), request)


def actor_name(store: Store, number: int) -> str | None:
    rows = store.database.run("actor_numbered", {"id": number})
    return str(rows[0][0]) if rows else None


def _properties(entity: str, select: str | None) -> tuple[str, ...]:
    known = tuple(REFERRED[entity].attributes)
    if select is None:
        return known
    names = tuple(name.strip() for name in select.split(","))
    for name in names:
        if name not in known:
            raise BadInput(f"{entity} has no property {shown(name)}{suggestion(name, known)}")
    return names


def _selected(document: JsonDict, properties: tuple[str, ...]) -> JsonDict:
    return {name: document[name] for name in dict.fromkeys((*properties, "systemuserid"))}


def none_of(store: Store, request: Request, name: str) -> Answer:
    """The teams, business units and extensions of jobctl: there are none."""
    said = options.given(request.query, ("$select", "$filter", "$orderby", "$top", "$skip", "$count", "$format"))
    options.check_format(said.get("$format"))
    options.paging(said, None)
    counted = {"@odata.count": 0} if options_truth(said.get("$count"), "$count") else {}
    return found({"@odata.context": f"{request.base}$metadata#{name}", **counted, "value": []}, request)


# Changing


def change(store: Store, request: Request, key: str) -> Answer:
    """The operation that leads to the state that the body names."""
    said = options.given(request.query, ("$select",))
    wanted = options.wanted(said)
    return _changed(store, request, key, request.document(), wanted)


def change_part(store: Store, request: Request, key: str, name: str) -> Answer:
    """As `change`, of one property: `{"value": …}`."""
    options.given(request.query, ())
    body = request.document()
    if not isinstance(body, dict) or set(body) != {"value"}:
        raise BadInput('the body is {"value": …}')
    return _changed(store, request, key, {name: body["value"]}, Wanted((name,)))


def _changed(store: Store, request: Request, key: str, body: object, wanted: Wanted) -> Answer:
    operation = changes.operation(body)
    with store.write() as tx:
        batch = Batch(tx)
        row = find(batch, key)
        check_unchanged(request, row)
        row = operation(batch, row.sequence)
    if request.preferences.get("return") == "representation":
        return _shown(store, request, store.system_job(row.sequence), wanted)
    address = f"{request.base}{SET}({identifiers.of_system_job(row.id)})"
    return nothing({"OData-EntityId": address, "ETag": etag(row), **request.applied()})


def check_unchanged(request: Request, row: SystemJob) -> None:
    """Raises Changed where `If-Match` names another version, or `If-None-Match` this one."""
    match, none_match = request.headers.get("if-match"), request.headers.get("if-none-match")
    if match is not None and match.strip() != "*" and etag(row) not in _etags(match):
        raise Changed(f"system job {row.sequence} has changed since: it is {control.describe(row)} now")
    if none_match is not None and (none_match.strip() == "*" or etag(row) in _etags(none_match)):
        raise Changed(f"system job {row.sequence} exists; it is {control.describe(row)}")


def _etags(header: str) -> list[str]:
    return [one.strip() for one in header.split(",")]


def delete(store: Store, request: Request, key: str) -> Answer:
    """Delete it; `force=true` stops its processes first."""
    said = options.given(request.query, ("force",))
    force = options_truth(said.get("force"), "force")
    with store.write() as tx:
        batch = Batch(tx)
        row = find(batch, key)
        check_unchanged(request, row)
        if row.has_process and not force:
            raise Refused(
                f"system job {row.sequence} is {control.describe(row)}: its processes live;"
                " to stop and delete it, add ?force=true"
            )
        row = control.delete_row(batch, row.sequence, force)
    if not row.has_process:
        logs.delete(store.database.config.home, row.sequence)
    return nothing()


def delete_in_bulk(store: Store, request: Request) -> Answer:
    """The action BulkDelete; it gives the system job that deletes."""
    options.given(request.query, ())
    wanted = bulk_delete.request(request.document(), store.clock.now(), lambda number: actor_name(store, number))
    row = bulk_delete.submit(store, wanted)
    context = f"{request.base}$metadata#{bulk_delete.RESPONSE}"
    return found({"@odata.context": context, "JobId": identifiers.of_system_job(row.id)}, request)
