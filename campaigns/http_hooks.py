"""What Schemathesis is told beyond the document, in its own process: values that lead somewhere; and what was answered.

Three quarters of what it makes to fit the document are given ids, names and expressions of the home under trial; else
most requests would end at "there is no such system job". What it makes to be refused stays as it is, and so do its
chains.
"""

from __future__ import annotations

import json
import os
import random
import uuid
import zlib
from collections.abc import Callable
from typing import Any, Final

import schemathesis

from campaigns.http import AZURE

IDS: Final[dict[str, list[str]]] = json.loads(os.environ["JOBCTL_CAMPAIGN_IDS"])
"""Of system jobs: `ended`, and `all`."""
ANSWERS: Final = os.environ["JOBCTL_CAMPAIGN_ANSWERS"]
TEXTS: Final = ("name", "message", "jobctl_job", "jobctl_reason", "primaryentitytype", "workflowstagename")
NUMBERS: Final = ("statecode", "statuscode", "sequence", "retrycount", "operationtype", "errorcode")
INSTANTS: Final = ("createdon", "completedon", "startedon", "postponeuntil", "modifiedon")
MOVES: Final = ((0, 0), (1, 10), (1, 10), (1, 10), (2, 21), (2, 22), (3, 32))
"""Most often those after which there is another."""
Choose = Callable[[random.Random], Any]


def comparison(chance: random.Random) -> str:
    operator = chance.choice(("eq", "ne", "lt", "le", "gt", "ge"))
    value = chance.choice(("0", "1", "3", "30", "-1", "null", "1.5", "9999999999999999999"))
    instant = chance.choice(("2026-01-01T00:00:00Z", "now()", "1969-12-31", "9999-12-31T23:59:59.999Z", "null"))
    text = chance.choice(("'noop'", "'%'", "'it''s'", "'\u00e9\U0001f600'", "''", "null"))
    return chance.choice(
        (
            f"{chance.choice(NUMBERS)} {operator} {value}",
            f"{chance.choice(TEXTS)} {operator} {text}",
            f"{chance.choice(INSTANTS)} {operator} {instant}",
            f"{chance.choice(('contains', 'startswith', 'endswith'))}({chance.choice(TEXTS)},{text})",
            f"length(trim(tolower({chance.choice(TEXTS)}))) {operator} {value}",
            f"{chance.choice(('year', 'month', 'day', 'hour'))}({chance.choice(INSTANTS)}) {operator} {value}",
            f"statuscode in (0,10,{value})",
            f"asyncoperationid eq {chance.choice(IDS['all'])}",
        )
    )


def expression(chance: random.Random, depth: int = 0) -> str:
    if depth > 3 or chance.random() < 0.5:
        return comparison(chance)
    left, right = expression(chance, depth + 1), expression(chance, depth + 1)
    return chance.choice((f"({left} and {right})", f"{left} or {right}", f"not ({left})"))


def fetch(chance: random.Random) -> str:
    operator = chance.choice(("eq", "ne", "like", "null", "not-null", "in", "last-x-days", "today", "gt", "nope"))
    name = chance.choice((*TEXTS, *NUMBERS, *INSTANTS))
    value = chance.choice(("", " value='1'", " value='%noop%'", " value='99999999999'", " value='2026-01-01'"))
    order = chance.choice(("", f"<order attribute='{chance.choice(TEXTS)}' descending='true'/>"))
    head = chance.choice(
        ("", " count='3'", " count='0'", " top='2'", " count='2' page='2'", " returntotalrecordcount='true'")
    )
    return (
        f"<fetch{head}><entity name='asyncoperation'><attribute name='{name}'/>{order}<filter type='or'>"
        f"<condition attribute='{name}' operator='{operator}'{value}/></filter></entity></fetch>"
    )


def several(names: tuple[str, ...]) -> Choose:
    return lambda chance: ",".join(chance.sample(names, chance.randint(1, 3)))


def bulk_delete(chance: random.Random) -> Any:
    """What is deleted so leaves enough for the others."""
    condition = chance.choice(
        (
            {"AttributeName": "statuscode", "Operator": "In", "Values": [{"Value": "32", "Type": "System.Int32"}, 32]},
            {"AttributeName": "completedon", "Operator": "OlderThanXDays", "Values": [chance.choice((1, 30, 36500))]},
            {"AttributeName": "createdon", "Operator": "OnOrBefore", "Values": ["2020-01-01"]},
            {"AttributeName": "jobctl_reason", "Operator": "Equal", "Values": ["nope"]},
        )
    )
    body: dict[str, Any] = {
        "JobName": f"purge {chance.randrange(10**9)}",
        "QuerySet": [
            {"EntityName": "asyncoperation", "Criteria": {"FilterOperator": "And", "Conditions": [condition]}}
        ],
    }
    if chance.random() < 0.5:
        body["StartDateTime"] = chance.choice(("2099-03-01T02:00:00Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"))
        body["RecurrencePattern"] = chance.choice(("FREQ=DAILY;", "FREQ=YEARLY;INTERVAL=999", "FREQ=SECONDLY", "x"))
    return body


def azure_job(name: str, chance: random.Random) -> Any:
    """A job far enough ahead to be changed for long."""
    recurrence = chance.choice(
        (
            {"frequency": "day", "interval": 2, "schedule": {"hours": [6, 18]}},
            {"frequency": "month", "schedule": {"monthlyOccurrences": [{"day": "friday", "occurrence": -1}]}},
            {"frequency": "year"},
        )
    )
    found: dict[str, Any] = {"action": {"type": "jobctl", "job": name}, "state": chance.choice(("Enabled", "Disabled"))}
    return {**found, "startTime": chance.choice(("2099-01-01T00:00Z", "2098-02-29")), "recurrence": recurrence}


def azure(case: schemathesis.Case[Any], chance: random.Random) -> None:
    (case.query or {}).pop("$filter", None)
    if "job" not in case.path_parameters:
        return
    deleted = AZURE[case.operation.path.startswith("/azure")]
    case.path_parameters["job"] = deleted if case.method == "DELETE" else chance.choice(AZURE[2:])
    if case.method in ("PUT", "PATCH"):
        case.body = azure_job(case.path_parameters["job"], chance)


CHOICES: Final[dict[str, Choose]] = {
    "process": lambda chance: chance.choice(("noop", "bad", "slow", "nope")),
    "$filter": expression,
    "fetchXml": fetch,
    "$select": several((*TEXTS, *NUMBERS, "data", "friendlymessage")),
    "$orderby": lambda chance: ",".join(
        f"{name} {chance.choice(('asc', 'desc'))}" for name in chance.sample(NUMBERS, 2)
    ),
    "$expand": lambda chance: chance.choice(("createdby", "modifiedby($select=fullname),createdby", "owninguser")),
    "Prefer": lambda chance: chance.choice(
        ("odata.maxpagesize=2", 'odata.include-annotations="*"', "return=representation", "odata.maxpagesize=0")
    ),
    "If-Match": lambda chance: chance.choice(("*", 'W/"1"', "")),
    "If-None-Match": lambda chance: chance.choice(("*", 'W/"1"', "")),
}


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """The same case is always given the same."""
    meta = case.meta
    positive = schemathesis.GenerationMode.POSITIVE
    if meta is None or {meta.generation.mode, *(part.mode for part in meta.components.values())} != {positive}:
        return
    if meta.phase.name.value == "stateful":
        return
    said = repr((case.operation.label, case.path_parameters, case.query, case.headers, case.body))
    chance = random.Random(zlib.crc32(said.encode("utf-8", "backslashreplace")))
    if case.method != "DELETE" and chance.random() < 0.25:  # of a thing there is one deletion
        return
    for name in ("id", "key"):
        if name in case.path_parameters:
            ends = "/sse/" in case.operation.path or case.method == "DELETE"
            ids = IDS["ended" if ends else "all"]
            case.path_parameters[name] = user() if "systemusers" in case.operation.path else chance.choice(ids)
    given = case.query or {}
    if chance.random() < 0.9:
        given.pop("$skiptoken", None)
    if "fetchXml" in given:
        keep = {"fetchXml"} if chance.random() < 0.5 else {name for name in given if name != "fetchXml"}
        for name in set(given) - keep:
            del given[name]
    for place in (given, case.headers or {}):
        for name in place:
            if name in CHOICES:
                place[name] = CHOICES[name](chance)
    if case.operation.path.startswith(("/azure", "/subscriptions")):
        azure(case, chance)
    elif case.operation.path.endswith("/BulkDelete"):
        case.body = bulk_delete(chance)
    elif case.method == "PUT":
        case.path_parameters["name"] = "statuscode"
        case.body = {"value": chance.choice(MOVES)[1]}
    elif case.method == "PATCH":
        case.body = dict(zip(("statecode", "statuscode"), chance.choice(MOVES), strict=True))


def user() -> str:
    from jobctl.web.dataverse import identifiers

    return str(identifiers.of_actor(1))


@schemathesis.hook
def after_call(
    context: schemathesis.HookContext, case: schemathesis.Case[Any], response: schemathesis.Response
) -> None:
    with open(ANSWERS, "a", encoding="utf-8") as file:
        file.write(f"{case.operation.label} {response.status_code}\n")
    if response.status_code == 202:
        IDS["all"].append(str(uuid.UUID(response.json()["id"])))
