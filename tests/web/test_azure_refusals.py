"""What Azure's jobs may not be: one status, one of Azure's codes, one sentence that says what would be right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from jobctl import control, scheduling
from jobctl.model import Definition
from jobctl.scheduling import Planned
from tests.cli.history import Past
from tests.schedule.test_azure_document import REFUSED
from tests.web.azure import LONG, REPORT, Azure, Document, error, told
from tests.web.serving import listening

AHEAD = "2099-01-01T00:00Z"


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    """For what changes nothing: jobs `report`, `retried`, `growing` and `busy`, and one Azure job, `taken`."""
    with Past(tmp_path_factory.mktemp("home")) as past:
        for name, definition in {
            "report": Definition(argv=("true",)),
            "retried": Definition(argv=("true",), retries=2, retry_delay=30.0),
            "growing": Definition(argv=("true",), retries=3, retry_delay=5.0, retry_backoff=2.0),
            "busy": Definition(argv=("true",)),
            "held": Definition(argv=("true",)),
        }.items():
            control.add_job(past.store, name, definition)
        scheduling.schedule(past.store, "busy", Planned({"notation": "every", "every": "1h"}, "UTC"))
        with (
            listening(past.store.database.config.home) as found,
            httpx.Client(
                base_url=found.base.removesuffix("/api/data/v9.0/"), headers=found.headers, timeout=30
            ) as client,
        ):
            made = Azure(client)
            made.put("taken", action={"type": "jobctl", "job": "held"}, startTime=AHEAD)
            yield made


def refusal(azure: Azure, document: object, name: str = "new") -> str:
    """The sentence with which a bad document is refused; nothing is made."""
    status, code, message = error(azure.ask("PUT", name, document))
    assert (status, code) == (400, "BadRequest"), message
    assert azure.names() == ["taken"] and "--" not in message
    return message


def null_within(value: object) -> bool:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value is None or any(map(null_within, inside))


PARSERS = [
    pytest.param(*row[1:], id=str(row[0]))
    for row in REFUSED
    if isinstance(row[1], dict) and set(row[1]) <= {"startTime", "recurrence"} and not null_within(row[1])
]
"""Over HTTP the document has more elements, and null is the same as nothing."""


@pytest.mark.parametrize(("document", "words"), PARSERS)
def test_every_refusal_of_the_parser_is_the_services(azure: Azure, document: Any, words: str) -> None:
    assert len(PARSERS) > 60
    assert words in refusal(azure, {"action": REPORT, **document})


@pytest.mark.parametrize("frequency", ["minute", "hour", "day", "week", "month"])
def test_intervals_have_the_limits_of_their_frequency(azure: Azure, frequency: str) -> None:
    most = {"minute": 1000, "hour": 1000, "day": 548, "week": 78, "month": 18}[frequency]
    right = f"with frequency {frequency} it is a whole number from 1 to {most}"
    for interval in (0, -1, most + 1, 1.5, "2", True):
        document = {"action": REPORT, "recurrence": {"frequency": frequency, "interval": interval}}
        assert refusal(azure, document) == f"recurrence.interval cannot be {json.dumps(interval)}; {right}"
    for interval in (1, most):
        azure.put("new", startTime=AHEAD, recurrence={"frequency": frequency, "interval": interval})
        assert azure.ask("DELETE", "new").status_code == 200


ACTION = 'action is {"type": "jobctl", "job": "NAME"}'
DOCUMENTS: list[tuple[Any, str]] = [
    (None, "the body is a job, {"),
    ([], "the body is a job, {"),
    ("text", "the body is a job, {"),
    ({}, 'action is missing; it is {"type": "jobctl", "job": "NAME"}'),
    ({"action": None}, "action is missing"),
    ({"action": "report"}, 'action cannot be "report"; it is {"type": "jobctl", "job": "NAME"}'),
    ({"action": {"type": 1}}, f"action.type cannot be 1; {ACTION}"),
    ({"action": {"job": "report"}}, f"action.type cannot be null; {ACTION}"),
    ({"action": {"type": "shell", "command": "rm"}}, f'action.type cannot be "shell"; {ACTION}'),
    ({"action": {"type": "jobctl"}}, "action.job is missing; it is the name of a job"),
    ({"action": {"type": "jobctl", "job": ["report"]}}, "action.job cannot be an array; it is the name of a job"),
    ({"action": {"type": "jobctl", "job": "raport"}}, "action.job: no job named 'raport'; did you mean 'report'?"),
    ({"action": {"type": "jobctl", "job": "jobctl:retention"}}, "action.job: no job named 'jobctl:retention'"),
    ({"action": {"type": "jobctl", "job": "adhoc"}}, "action.job: no job named 'adhoc'"),
    (
        {"action": {**REPORT, "parameters": {"month": 2}}},
        'action has no element "parameters"; a job takes no data or request from its schedule',
    ),
    ({"action": {**REPORT, "retrypolicy": {}}}, 'action has no element "retrypolicy"; did you mean'),
    ({"action": REPORT, "starttime": AHEAD}, "the job has no element \"starttime\"; did you mean 'startTime'?"),
    ({"action": REPORT, "frequency": "day"}, "the job has no element \"frequency\"; did you mean 'recurrence'?"),
    (
        {"properties": {"action": REPORT}, "tags": {}},
        'the job has no element "tags"; it has id, name, type, properties',
    ),
    ({"properties": []}, "properties cannot be an array; it is an object with startTime, recurrence, action, state"),
    ({"properties": {"action": REPORT}, "name": "c/other"}, 'name cannot be "c/other": the address names the job'),
    ({"action": REPORT, "state": "paused"}, 'state cannot be "paused"; it is enabled or disabled'),
    ({"action": REPORT, "state": True}, "state cannot be true; it is enabled or disabled"),
    ({"action": REPORT, "state": "Completed"}, "a job comes to it by itself; it can be set to enabled or disabled"),
    ({"action": REPORT, "state": "faulted"}, "a job comes to it by itself; it can be set to enabled or disabled"),
    (
        {"action": REPORT, "recurrence": {"frequency": "day", "endTime": "2015-11-04"}},
        'recurrence.endTime "2015-11-04" lies in the past: it is 20',
    ),
    (
        {"action": REPORT, "startTime": AHEAD, "recurrence": {"frequency": "day", "endTime": "2098-01-01"}},
        'recurrence.endTime "2098-01-01" lies before startTime "2099-01-01T00:00Z"',
    ),
    (
        {
            "action": REPORT,
            "startTime": AHEAD,
            "recurrence": {"frequency": "day", "endTime": "2099-01-01T04:00Z", "schedule": {"hours": 5}},
        },
        "nothing would ever run: at 05:00 every day from 2099-01-01",
    ),
    (
        {
            "action": REPORT,
            "startTime": "2099-02-01",
            "recurrence": {"frequency": "month", "interval": 12, "schedule": {"monthDays": 30}},
        },
        "nothing would ever run: every 12 months from February 2099",
    ),
]


@pytest.mark.parametrize(("document", "words"), DOCUMENTS)
def test_bad_documents_are_one_sentence_and_make_nothing(azure: Azure, document: Any, words: str) -> None:
    assert words in refusal(azure, document)


@pytest.mark.parametrize("kind", ["http", "HTTPS", "storageQueue", "ServiceBusQueue", "serviceBusTopic"])
def test_other_actions_are_not_run_here(azure: Azure, kind: str) -> None:
    action = {"type": kind, "request": {"method": "GET", "uri": "http://127.0.0.1/"}}
    right = 'only jobs that are defined are, as {"type": "jobctl", "job": "NAME"}'
    assert refusal(azure, {"action": action}) == f'action.type "{kind}" is not run here: {right}'


def test_an_error_action_is_refused_with_what_there_is_instead(azure: Azure) -> None:
    failed = {"type": "http", "request": {"method": "POST", "uri": "http://127.0.0.1/failed"}}
    status, code, message = error(azure.ask("PUT", "new", {"action": {**REPORT, "errorAction": failed}}))
    assert (status, code) == (400, "BadRequest")
    assert message == (
        "action.errorAction is not run here: who is told of failures is the job's own, "
        "set with: jobctl edit NAME --notify"
    )


FIXED = {"retryType": "Fixed", "retryInterval": "PT30S", "retryCount": 2}
GROWING = {"retryType": "Fixed", "retryInterval": "PT5S", "retryCount": 3}


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({}, "retryType cannot be null; it is none or fixed"),
        ({"retryType": "exponential"}, 'retryType cannot be "exponential"; it is none or fixed'),
        ({**FIXED, "retryCount": 21}, "retryCount cannot be 21; it is a whole number from 0 to 20"),
        ({**FIXED, "retryCount": -1}, "retryCount cannot be -1"),
        ({**FIXED, "retryCount": True}, "retryCount cannot be true"),
        ({**FIXED, "retryInterval": "PT14.9S"}, 'retryInterval cannot be "PT14.9S"; it is a duration by ISO 8601 from'),
        ({**FIXED, "retryInterval": "P19M"}, "from PT15S to P18M, as PT30S"),
        ({**FIXED, "retryInterval": "00:00:30"}, 'retryInterval cannot be "00:00:30"'),
        ({**FIXED, "retryInterval": "PT0.5M"}, 'retryInterval cannot be "PT0.5M"'),
        ({**FIXED, "retryInterval": "PT"}, 'retryInterval cannot be "PT"'),
        ({**FIXED, "retryInterval": 30}, "retryInterval cannot be 30"),
        ({**FIXED, "retryinterval": "PT30S"}, 'action.retryPolicy has no element "retryinterval"'),
        ("none", 'action.retryPolicy cannot be "none"; it is an object with retryType, retryInterval, retryCount'),
    ],
)
def test_bad_retry_policies(azure: Azure, policy: object, words: str) -> None:
    assert words in refusal(azure, {"action": {**REPORT, "retryPolicy": policy}})


@pytest.mark.parametrize(
    ("job", "policy"),
    [
        ("report", {"retryType": "none"}),
        ("report", {"retryType": "Fixed", "retryCount": 0}),
        ("report", {"retryType": "None", "retryInterval": "P18M", "retryCount": 20}),
        ("retried", FIXED),
        ("retried", {"retryType": "fixed", "retryCount": 2}),
        ("retried", {"retryType": "fixed", "retryCount": 2, "retryInterval": "PT0M30.0S"}),
        ("growing", GROWING),
        ("growing", {**GROWING, "retryType": "fixed"}),
    ],
)
def test_the_jobs_own_retry_policy_may_be_named(azure: Azure, job: str, policy: Document) -> None:
    made = azure.put("new", startTime=AHEAD, action={"type": "jobctl", "job": job, "retryPolicy": policy})
    own = {"report": {"retryType": "None"}, "retried": FIXED, "growing": GROWING}[job]
    assert made["action"] == {"type": "jobctl", "job": job, "retryPolicy": own}
    assert azure.ask("DELETE", "new").status_code == 200


def test_another_retry_policy_than_the_jobs_is_refused_with_the_command_that_changes_it(azure: Azure) -> None:
    action = {"type": "jobctl", "job": "retried", "retryPolicy": {"retryType": "fixed", "retryInterval": "PT1M30S"}}
    own = '{"retryType": "Fixed", "retryInterval": "PT30S", "retryCount": 2}'
    assert error(azure.ask("PUT", "new", {"action": action})) == (
        409,
        "ConflictError",
        f"action.retryPolicy is not that of job 'retried', which is {own}: leave it out, "
        "or change the job with: jobctl edit retried --retries 4 --retry-delay 90s --retry-backoff 1",
    )
    action["retryPolicy"] = {"retryType": "none"}
    assert (
        "change the job with: jobctl edit retried --retries 0" in error(azure.ask("PUT", "new", {"action": action}))[2]
    )


def test_a_job_has_one_schedule(azure: Azure) -> None:
    for job, words in {
        "busy": "job 'busy' has a schedule already; end it first with: jobctl unschedule busy",
        "held": "job 'held' has a schedule already, the Azure job 'taken'; a job has one",
    }.items():
        document = {"action": {"type": "jobctl", "job": job}, "startTime": AHEAD}
        assert error(azure.ask("PUT", "new", document)) == (409, "ConflictError", words)
        if job == "busy":
            assert error(azure.ask("PUT", "taken", document)) == (409, "ConflictError", words)
    assert told(azure.ask("GET", "taken"), 200)["action"]["job"] == "held"


@pytest.mark.parametrize("name", ["a%20b", "-a", "a" * 101, "%C3%A4", "a%3Cb", ".."])
def test_bad_names(azure: Azure, name: str) -> None:
    answer = azure.client.put(f"{azure.jobs}/{name}", json={"action": REPORT, "startTime": AHEAD})
    if name == "..":
        assert answer.status_code in (404, 405)
    else:
        assert "is no name of a job: letters, digits" in error(answer)[2]
    assert azure.names() == ["taken"]


@pytest.mark.parametrize(
    ("method", "address", "body", "status", "code", "words"),
    [
        ("GET", "/azure/jobs/none", None, 404, "ResourceNotFound", "there is no Azure job 'none' here; PUT makes one"),
        ("PATCH", "/azure/jobs/none", "{}", 404, "ResourceNotFound", "there is no Azure job 'none' here"),
        ("DELETE", "/azure/jobs/none", None, 404, "ResourceNotFound", "there is no Azure job 'none' here"),
        ("POST", "/azure/jobs/none/run", None, 404, "ResourceNotFound", "there is no Azure job 'none' here"),
        ("GET", "/azure/jobs/none/history", None, 404, "ResourceNotFound", "there is no Azure job 'none' here"),
        ("POST", "/azure/jobs/taken/run", '{"a": 1}', 400, "BadRequest", "a run takes no body"),
        ("GET", "/azure/other", None, 404, "ResourceNotFound", "nothing is found at this address"),
        ("GET", "/azure/jobs/a%2Fb", None, 404, "ResourceNotFound", "nothing is found at this address"),
        ("GET", "/azure/jobs/%00", None, 400, "BadRequest", "the job in the address contains the control character"),
        ("GET", "/subscriptions", None, 404, "ResourceNotFound", "nothing is found at this address"),
        ("POST", "/azure/jobs", "{}", 405, "InvalidHttpVerb", "it takes GET, HEAD"),
        ("DELETE", "/azure/jobs/taken/history", None, 405, "InvalidHttpVerb", "it takes GET, HEAD"),
        ("PUT", "/azure/jobs/new", "{", 400, "BadRequest", "the data is not valid JSON"),
        ("PUT", "/azure/jobs/new", '{"state": 1, "state": 2}', 400, "BadRequest", "a key appears twice"),
        ("PUT", "/azure/jobs/new", '{"recurrence": {"interval": NaN}}', 400, "BadRequest", "NaN"),
        ("PUT", "/azure/jobs/new", "[" * 65 + "]" * 65, 400, "BadRequest", "nested deeper than 64"),
        ("PATCH", "/azure/jobs/taken", '{"recurrence": 5}', 400, "BadRequest", "recurrence cannot be 5"),
        ("PATCH", "/azure/jobs/taken", '{"action": null}', 400, "BadRequest", "action is missing"),
        ("PATCH", "/azure/jobs/taken", "", 400, "BadRequest", "the body is a job"),
        ("GET", "/azure/jobs?api-version=2014-08-01", None, 400, "MissingOrInvalidRequiredQueryParameter", "cannot be"),
        (
            "GET",
            LONG,
            None,
            400,
            "MissingOrInvalidRequiredQueryParameter",
            "api-version is missing; this is api-version=",
        ),
        ("PUT", f"{LONG}/new", "{}", 400, "MissingOrInvalidRequiredQueryParameter", "api-version is missing"),
        ("GET", "/azure/jobs/taken?$top=1", None, 400, "BadRequest", "no parameter '$top'"),
        (
            "GET",
            "/azure/jobs?$top=0",
            None,
            400,
            "BadRequest",
            "$top cannot be '0'; it is a whole number from 1 to 100",
        ),
        ("GET", "/azure/jobs?$top=101", None, 400, "BadRequest", "$top cannot be '101'"),
        ("GET", "/azure/jobs?$top=%D9%A3", None, 400, "BadRequest", "$top cannot be"),
        ("GET", "/azure/jobs?$skip=-1", None, 400, "BadRequest", "$skip cannot be '-1'"),
        ("GET", "/azure/jobs?$skip=2147483648", None, 400, "BadRequest", "$skip cannot be"),
        ("GET", "/azure/jobs?$top=1&$top=2", None, 400, "BadRequest", "the parameter $top is given more than once"),
        (
            "GET",
            "/azure/jobs?$filter=state",
            None,
            400,
            "BadRequest",
            "it is state eq Enabled, or several of these with or",
        ),
        ("GET", "/azure/jobs?$filter=status eq Enabled", None, 400, "BadRequest", "it is state eq Enabled"),
        ("GET", "/azure/jobs?$filter=state ne Enabled", None, 400, "BadRequest", "it is state eq Enabled"),
        (
            "GET",
            "/azure/jobs?$filter=state eq enabeld",
            None,
            400,
            "BadRequest",
            "state is never 'enabeld'; did you mean",
        ),
        ("GET", "/azure/jobs?$filter=state eq 'Enabled' or 1", None, 400, "BadRequest", "$filter cannot be"),
        (
            "GET",
            "/azure/jobs/taken/history?$filter=state eq Completed",
            None,
            400,
            "BadRequest",
            "it is status eq Completed",
        ),
        (
            "GET",
            "/azure/jobs/taken/history?$filter=status eq Running",
            None,
            400,
            "BadRequest",
            "it is one of Completed, Fai",
        ),
    ],
)
def test_bad_requests_are_one_sentence_with_azures_code(
    azure: Azure, method: str, address: str, body: str | None, status: int, code: str, words: str
) -> None:
    headers = {} if body is None else {"Content-Type": "application/json"}
    answer = azure.client.request(method, address, content=body, headers=headers)
    found = error(answer)
    assert found[:2] == (status, code) and words in found[2]
    assert answer.headers["x-ms-request-id"] and azure.names() == ["taken"]


def test_what_the_gate_refuses_has_azures_form(azure: Azure) -> None:
    job = {"action": REPORT}
    large = azure.client.put("/azure/jobs/new", content=b" " * 1_200_000, headers={"Content-Type": "application/json"})
    text = azure.client.put("/azure/jobs/new", content=json.dumps(job), headers={"Content-Type": "text/plain"})
    stranger = httpx.get(f"{azure.client.base_url}/azure/jobs", headers={"X-TOKEN": "jobctl_no"})
    for root in (LONG, "/azure/jobs"):  # in capitals, too
        unknown = azure.client.get(f"{root.upper()}/nope?api-version=2016-03-01")
        assert error(unknown)[:2] == (404, "ResourceNotFound") and unknown.headers["x-ms-request-id"]
    assert error(large)[:2] == (413, "BadRequest") and error(text)[:2] == (415, "BadRequest")
    assert error(stranger)[:2] == (401, "AuthenticationFailed")
    assert all(answer.headers["x-ms-request-id"] for answer in (large, text, stranger))
