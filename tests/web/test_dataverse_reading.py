"""Reading system jobs as Dataverse's Web API gives them: documented queries, annotations, a client of others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import pytest
import requests
from odata import ODataService  # type: ignore[import-untyped]

from jobctl.model import Status
from jobctl.web.dataverse import identifiers
from tests.cli.history import Past
from tests.conftest import Jobctl, StartDaemon, WaitUntil
from tests.web.dialect import fill
from tests.web.serving import Dataverse, serve

# The two queries of the documentation of the asynchronous service, as they are printed there.
DOCUMENTED_QUERY = """asyncoperations?
$select=
asyncoperationid,
completedon,
createdon,
data,
dependencytoken,
depth,
errorcode,
executiontimespan,
friendlymessage,
iswaitingforevent,
message,
messagename,
modifiedon,
name,
operationtype,
_ownerid_value,
postponeuntil,
primaryentitytype,
recurrencepattern,
recurrencestarttime,
_regardingobjectid_value,
retrycount,
sequence,
startedon,
statecode,
utcconversiontimezonecode,
workflowstagename
&$expand=
createdby($select=fullname),
modifiedby($select=fullname),
owningbusinessunit($select=name),
owningextensionid($select=name),
owningteam($select=name),
owninguser($select=fullname)

"""
DOCUMENTED_FETCH = """<fetch>
  <entity name="asyncoperation" >
    <attribute name="asyncoperationid" />
    <attribute name="completedon" />
    <attribute name="createdby" />
    <attribute name="createdon" />
    <attribute name="data" />
    <attribute name="dependencytoken" />
    <attribute name="depth" />
    <attribute name="errorcode" />
    <attribute name="executiontimespan" />
    <attribute name="friendlymessage" />
    <attribute name="iswaitingforevent" />
    <attribute name="message" />
    <attribute name="messagename" />
    <attribute name="modifiedby" />
    <attribute name="modifiedon" />
    <attribute name="name" />
    <attribute name="operationtype" />
    <attribute name="ownerid" />
    <attribute name="owningbusinessunit" />
    <attribute name="owningextensionid" />
    <attribute name="owningteam" />
    <attribute name="owninguser" />
    <attribute name="postponeuntil" />
    <attribute name="primaryentitytype" />
    <attribute name="recurrencepattern" />
    <attribute name="recurrencestarttime" />
    <attribute name="regardingobjectid" />
    <attribute name="retrycount" />
    <attribute name="sequence" />
    <attribute name="startedon" />
    <attribute name="statecode" />
    <attribute name="utcconversiontimezonecode" />
    <attribute name="workflowstagename" />
  </entity>
</fetch>
"""
FORMATTED = "OData.Community.Display.V1.FormattedValue"


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    with Past(tmp_path_factory.mktemp("home")) as made:
        fill(made)
        yield made


@pytest.fixture(scope="module")
def service(past: Past) -> Iterator[Dataverse]:
    yield from serve(past.store.database.config.home)


def a_finished_one(jobctl: Jobctl, daemon: StartDaemon, wait_until: WaitUntil) -> dict[str, Any]:
    """The document of a system job that failed, with all that one may have."""
    jobctl("add", "work", "--token", "ledger", "--command", "exit 3", expect=0)
    daemon()
    number = jobctl("run", "work", "--data", '{"n": 1}', "--regarding", "invoice:4711", expect=0).stdout.strip()
    assert jobctl("wait", number).returncode == 1
    document: dict[str, Any] = jobctl("show", number, "--json", expect=0).json["system_job"]
    return document


def test_the_documented_query_answers(
    jobctl: Jobctl, daemon: StartDaemon, wait_until: WaitUntil, dataverse: Dataverse
) -> None:
    document = a_finished_one(jobctl, daemon, wait_until)
    answer = dataverse.get(DOCUMENTED_QUERY.replace("\n", "%0A"))
    assert answer.status_code == 200 and answer.headers["OData-Version"] == "4.0"
    assert answer.headers["Content-Type"].startswith("application/json; odata.metadata=minimal")
    (row,) = answer.json()["value"]
    names = DOCUMENTED_QUERY.partition("$select=")[2].partition("&")[0].replace("\n", "").split(",")
    expanded = ["createdby", "modifiedby", "owningbusinessunit", "owningextensionid", "owningteam", "owninguser"]
    assert set(row) == {"@odata.etag", *names, *expanded}
    assert UUID(row["asyncoperationid"]).hex == document["id"]
    same = {"dependencytoken": "dependency_token", "errorcode": "error_code", "friendlymessage": "friendly_message"}
    same |= {"messagename": "message_name", "operationtype": "operation_type", "statecode": "state_code"}
    for name in ("depth", "message", "name", "sequence"):
        same[name] = name
    assert {name: row[name] for name in same} == {name: document[key] for name, key in same.items()}
    for name, key in {"completedon": "completed_on", "createdon": "created_on", "startedon": "started_on"}.items():
        assert row[name] == document[key].replace("+00:00", "Z")
    assert json.loads(row["data"]) == {"n": 1} and row["primaryentitytype"] == "invoice"
    assert row["executiontimespan"] == round(document["execution_time_span"], 2)
    assert row["createdby"]["fullname"] == document["created_by"].removeprefix("user:")
    assert row["modifiedby"]["fullname"] == "daemon"
    assert row["owninguser"] == row["createdby"] and row["owningteam"] is None


def test_the_documented_fetchxml_answers(
    jobctl: Jobctl, daemon: StartDaemon, wait_until: WaitUntil, dataverse: Dataverse
) -> None:
    document = a_finished_one(jobctl, daemon, wait_until)
    answer = dataverse.client.get("asyncoperations", params={"fetchXml": DOCUMENTED_FETCH})
    assert answer.status_code == 200, answer.text
    (row,) = answer.json()["value"]
    names = [element.attrib["name"] for element in ElementTree.fromstring(DOCUMENTED_FETCH).iter("attribute")]
    lookups = {name for name in names if name in ("createdby", "modifiedby", "ownerid", "regardingobjectid")}
    lookups |= {name for name in names if name.startswith("owning")}
    assert set(row) == {"@odata.etag", *(f"_{name}_value" if name in lookups else name for name in names)}
    assert row["statecode"] == 3 and row["sequence"] == document["sequence"]


def test_a_client_that_nobody_here_wrote_reads_and_filters_by_the_metadata(past: Past, service: Dataverse) -> None:
    """The library python-odata, which knows of the entities what `$metadata` tells."""
    session = requests.Session()
    session.headers.update(service.headers)
    found = ODataService(service.base, reflect_entities=True, session=session, quiet_progress=True)
    job = found.entities["asyncoperations"]
    failed = (
        found.query(job).filter(job.statuscode == 31).filter(job.name.contains("import")).order_by(job.sequence.asc())
    )
    rows = failed.all()
    expected = past.connection.execute(
        "SELECT sequence, lower(hex(id)) FROM system_jobs"
        " WHERE status = 31 AND name = 'nightly-import' ORDER BY sequence"
    ).fetchall()
    assert rows and [(row.sequence, UUID(row.asyncoperationid).hex) for row in rows] == expected
    assert all(row.statecode == 3 and row.completedon >= row.createdon for row in rows)
    either = ((job.statecode == 0) | (job.statecode == 1)) & (job.retrycount >= 1)
    waiting = found.query(job).filter(either).limit(5).all()
    assert len(waiting) == 5 and {row.statecode for row in waiting} <= {0, 1}
    by_time = found.query(job).filter(job.createdon >= rows[0].createdon).order_by(job.createdon.desc()).first()
    assert by_time.sequence == 40
    alice = found.query(job).expand(job.createdby).filter(job.sequence == 1).first()
    assert alice.createdby.fullname == "alice"
    got = found.query(job).get(rows[0].asyncoperationid)
    assert got.name == "nightly-import" and got.message == rows[0].message
    assert {"systemusers", "teams", "businessunits", "sdkmessageprocessingsteps"} <= set(found.entities)
    assert "BulkDelete" in found.actions


def test_the_metadata_tells_of_each_attribute_that_is_shown(service: Dataverse) -> None:
    answer = service.get("$metadata")
    assert answer.headers["Content-Type"].startswith("application/xml")
    root = ElementTree.fromstring(answer.content)
    edm = "{http://docs.oasis-open.org/odata/ns/edm}"
    (entity,) = [one for one in root.iter(f"{edm}EntityType") if one.get("Name") == "asyncoperation"]
    types = {one.get("Name"): str(one.get("Type")) for one in entity.iter(f"{edm}Property")}
    row = service.get("asyncoperations?$top=1").json()["value"][0]
    assert set(types) == {name for name in row if not name.startswith("@")}
    python: dict[str, Any] = {"Edm.String": str, "Edm.Guid": str, "Edm.DateTimeOffset": str, "Edm.Boolean": bool}
    python["Edm.Double"] = int | float
    for name, type_ in types.items():
        assert row[name] is None or isinstance(row[name], python.get(type_, int)), (name, type_, row[name])
    sets = {one.get("Name") for one in root.iter(f"{edm}EntitySet")}
    assert sets == {one["url"] for one in service.get().json()["value"]}
    for name in sets:
        assert service.get(str(name)).status_code == 200


@pytest.mark.parametrize("version", ["9.0", "9.1", "9.2"])
def test_every_minor_version_answers_with_its_own_address(service: Dataverse, version: str) -> None:
    base = service.base.replace("v9.0", f"v{version}")
    answer = service.client.get(f"{base}asyncoperations?$top=1&$select=name", headers={"Prefer": "odata.maxpagesize=1"})
    assert answer.json()["@odata.context"] == f"{base}$metadata#asyncoperations(name)"


def test_annotations_are_there_where_they_are_preferred(service: Dataverse) -> None:
    address = (
        "asyncoperations?$select=statuscode,createdon,_ownerid_value,_regardingobjectid_value&$filter=sequence eq 5"
    )
    bare = service.get(address)
    assert "Preference-Applied" not in bare.headers and not [
        name for name in bare.json()["value"][0] if "@" in name[1:]
    ]
    answer = service.get(address, prefer='odata.include-annotations="*"')
    assert answer.headers["Preference-Applied"] == 'odata.include-annotations="*"'
    row = answer.json()["value"][0]
    assert row[f"statuscode@{FORMATTED}"] == "Waiting For Resources"
    assert row[f"createdon@{FORMATTED}"].endswith(" UTC") and row[f"_ownerid_value@{FORMATTED}"] == "alice"
    assert row["_ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "systemuser"
    assert row["_ownerid_value@Microsoft.Dynamics.CRM.associatednavigationproperty"] == "ownerid"
    some = service.get(address, prefer=f'odata.include-annotations="*,-{FORMATTED}"').json()["value"][0]
    assert not [name for name in some if FORMATTED in name] and [name for name in some if "lookuplogicalname" in name]
    only = service.get(address, prefer=f'odata.include-annotations="{FORMATTED}"').json()["value"][0]
    assert [name for name in only if FORMATTED in name] and not [name for name in only if "lookuplogicalname" in name]


def test_what_a_system_job_is_about_is_a_guid_only_where_it_is_one(service: Dataverse) -> None:
    select = "$select=_regardingobjectid_value,jobctl_regarding,primaryentitytype"
    prefer = {"prefer": 'odata.include-annotations="*"'}
    rows = service.get(f"asyncoperations?{select}&$filter=sequence in (1,5)&$orderby=sequence", **prefer).json()[
        "value"
    ]
    assert [row["jobctl_regarding"].partition(":")[0] for row in rows] == ["order", "invoice"]
    assert rows[0]["_regardingobjectid_value"] is None
    assert rows[1]["jobctl_regarding"] == f"invoice:{rows[1]['_regardingobjectid_value']}"
    assert rows[0][f"_regardingobjectid_value@{FORMATTED}"] == "order:0"


@pytest.mark.parametrize(("level", "has"), [("none", False), ("minimal", True), ("full", True)])
def test_how_much_is_told_of_types_is_the_clients_choice(service: Dataverse, level: str, has: bool) -> None:
    for asked in ({"accept": f"application/json; odata.metadata={level}"}, {}):
        format_ = "" if asked else f"&$format=application/json;odata.metadata={level}"
        answer = service.get(f"asyncoperations?$top=1{format_}", **asked)
        document = answer.json()
        assert f"odata.metadata={level}" in answer.headers["Content-Type"]
        assert ("@odata.context" in document, "@odata.etag" in document["value"][0]) == (has, has)
        assert ("@odata.editLink" in document["value"][0]) == (level == "full")


def test_one_system_job_its_properties_and_what_it_refers_to(service: Dataverse) -> None:
    row = service.row(3)
    address = f"asyncoperations({row['asyncoperationid']})"
    found = service.get(f"{address}?$select=name&$expand=createdby($select=fullname)")
    assert found.headers["ETag"] == found.json()["@odata.etag"]
    assert (
        found.json()["@odata.context"] == f"{service.base}$metadata#asyncoperations(name,createdby(fullname))/$entity"
    )
    assert service.get(f"asyncoperations(asyncoperationid={row['asyncoperationid']})").json()["name"] == row["name"]
    assert service.get(f"{address}/name").json()["value"] == row["name"]
    assert service.get(f"{address}/iswaitingforevent/$value").text == "false"
    assert service.get(f"{address}/completedon").status_code == 204
    user = service.get(f"{address}/createdby").json()
    assert (user["fullname"], user["domainname"]) == ("token:ci", "token:ci")
    assert service.get(f"systemusers({user['systemuserid']})").json()["fullname"] == "token:ci"
    assert service.get(f"{address}/owningteam").status_code == 204
    assert service.get("asyncoperations/$count?$filter=statecode eq 3").text == "24"
    counted = service.get("asyncoperations?$count=true&$top=1", prefer='odata.include-annotations="*"').json()
    assert counted["@odata.count"] == counted["@Microsoft.Dynamics.CRM.totalrecordcount"] == 40
    assert counted["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] is False


def test_users_are_listed_page_by_page(service: Dataverse) -> None:
    names: list[str] = []
    address = "systemusers?$select=fullname"
    while address:
        document = service.get(address, prefer="odata.maxpagesize=2").json()
        names += [row["fullname"] for row in document["value"]]
        address = document.get("@odata.nextLink", "")
    assert {"alice", "bob", "token:ci"} <= set(names) and len(names) == len(set(names))


def test_pages_do_not_grow_with_the_data_in_them(home: Any) -> None:
    """A page ends where its data would be more than eight million characters."""
    with Past(home) as past:
        job = past.job("large")
        for _ in range(12):
            number = past.add(job, Status.SUCCEEDED)
            past.connection.execute(
                "INSERT INTO payloads (sequence, data) VALUES (?, ?)", (number, json.dumps("x" * 1_000_000))
            )
    for service in serve(home):
        sizes, address = [], "asyncoperations?$select=data"
        while address:
            document = service.get(address).json()
            sizes.append(len(document["value"]))
            address = document.get("@odata.nextLink", "")
        assert sizes == [8, 4]
        assert len(service.get("asyncoperations?$select=name").json()["value"]) == 12


@pytest.mark.parametrize(
    ("method", "address", "status", "words"),
    [
        ("GET", "asyncoperations(00000000-0000-0000-0000-000000000000)", 404, "does not exist"),
        ("GET", "systemusers(00000000-0000-0000-0000-000000000000)", 404, "does not exist"),
        ("GET", "asyncoperations(3)", 400, "the key of asyncoperations is a GUID, not '3'"),
        ("GET", "accounts", 404, "there is no resource 'accounts'"),
        ("GET", "asyncoperations?$select=nam", 400, "did you mean 'name'?"),
        ("GET", "asyncoperations?$expand=owner", 400, "leads to no entity"),
        ("GET", "asyncoperations?$expand=createdby($select=name)", 400, "systemuser has no property 'name'"),
        ("GET", "asyncoperations?$expand=createdby($filter=x)", 400, "within $expand there is $select alone"),
        ("GET", "asyncoperations?$expand=createdby(", 400, "the parentheses of $expand do not match"),
        ("GET", "asyncoperations?$orderby=name up", 400, "asc or desc, not 'up'"),
        ("GET", "asyncoperations?$orderby=friendlymessage", 400, "cannot be ordered by"),
        ("GET", "asyncoperations?$top=-1", 400, "$top is a whole number from 0 to 2147483647, not '-1'"),
        ("GET", "asyncoperations?$skip=2147483648", 400, "from 0 to 2147483647"),
        ("GET", "asyncoperations?$top=1&$top=2", 400, "given twice"),
        ("GET", "asyncoperations?$skip=50001", 400, "follow @odata.nextLink"),
        ("GET", "asyncoperations?$skiptoken=abc", 400, "$skiptoken is none"),
        ("GET", "asyncoperations?$count=yes", 400, "$count is true or false"),
        ("GET", "asyncoperations?$format=xml", 400, "$format is json"),
        ("GET", "asyncoperations?$apply=x", 400, "no query option '$apply' here"),
        ("GET", "asyncoperations?fetchxml=x", 400, "did you mean 'fetchXml'?"),
        ("GET", "asyncoperations?$filter=%FF", 400, "the query is not UTF-8"),
        ("GET", "asyncoperations?$top=1&fetchXml=<fetch/>", 400, "no query option '$top' here"),
        ("POST", "asyncoperations", 405, "system jobs are not created here"),
        ("DELETE", "asyncoperations", 405, "this address takes GET"),
        ("PATCH", "systemusers", 405, "this address takes GET"),
        ("GET", "BulkDelete", 405, "this address takes POST"),
    ],
)
def test_errors_have_odatas_form(service: Dataverse, method: str, address: str, status: int, words: str) -> None:
    answer = service.send(method, address)
    assert answer.status_code == status, answer.text
    assert answer.headers["OData-Version"] == "4.0" and answer.headers["Content-Type"].startswith("application/json")
    (error,) = answer.json().values()
    assert set(error) == {"code", "message"} and error["code"].startswith("0x8") and words in error["message"]
    assert status != 405 or answer.headers["Allow"]


def test_a_client_of_an_older_version_is_refused(service: Dataverse) -> None:
    assert service.get(OData_MaxVersion="3.0").status_code == 400
    assert service.get(OData_MaxVersion="4.0").status_code == 200


def test_texts_of_system_jobs_travel_as_they_are(past: Past, service: Dataverse) -> None:
    hostile = '</script><b> "quoted" ☃ \x85 it\'s 100% \\'
    number = past.add(past.store.job_id("Backup") or 0, Status.SUCCEEDED, message=hostile, created_on=past.now)
    answer = service.client.get(
        "asyncoperations", params={"$filter": f"message eq '{hostile.replace(chr(39), chr(39) * 2)}'"}
    )
    assert [row["sequence"] for row in answer.json()["value"]] == [number]
    assert answer.json()["value"][0]["message"] == hostile
    past.connection.execute("DELETE FROM system_jobs WHERE sequence = ?", (number,))


def test_what_is_always_empty_reads_its_options_too(dataverse: Dataverse) -> None:
    assert dataverse.get("teams?$count=true&$top=1&$format=json").json()["@odata.count"] == 0
    for address in (
        "teams?$count=1",
        "businessunits?$top=x",
        "sdkmessageprocessingsteps?$skip=-1",
        "teams?$format=xml",
    ):
        assert dataverse.get(address).status_code == 400, address
    for address in ("systemusers?$format=xml", f"systemusers({identifiers.of_actor(1)})?$format=xml"):
        assert dataverse.get(address).status_code == 400, address


def test_allow_names_what_the_address_takes(dataverse: Dataverse) -> None:
    for address, allowed in (("asyncoperations", "GET, HEAD"), ("BulkDelete", "POST"), ("", "GET, HEAD")):
        for method in ("OPTIONS", "TRACE", "PUT", "PURGE"):
            refused = dataverse.send(method, address)
            assert (refused.status_code, refused.headers["allow"]) == (405, allowed), (method, address)
            assert refused.json()["error"]["code"] == "0x80060888"
