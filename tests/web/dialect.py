"""The Dataverse dialect asked without a server, and a home with a past for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from jobctl.errors import JobctlError
from jobctl.model import State, Status
from jobctl.store import Store
from jobctl.web.dataverse import service
from jobctl.web.dataverse.answers import Answer, Request, failed
from tests.cli.history import DAY, HOUR, MINUTE, Past

BASE = "http://127.0.0.1/api/data/v9.0/"
Entity = dict[str, Any]
GUID = "0f3c1a52-77aa-4b1e-9d2f-1234567890ab"


class Dialect:
    """Asks the service as the routes do."""

    def __init__(self, past: Past) -> None:
        self.past = past

    def __call__(self, query: str = "", **headers: str) -> Answer:
        return self.ask(service.collection, query, **headers)

    def ask(self, function: Callable[[Store, Request], Answer], query: str = "", **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            return function(self.past.store, Request("GET", BASE, query, named))
        except JobctlError as error:
            return failed(error)

    def rows(self, query: str = "", **headers: str) -> list[Entity]:
        answer = self(query, **headers)
        assert answer.status == 200, answer.body
        rows: list[Entity] = json.loads(answer.body)["value"]
        return rows

    def chosen(self, text: str) -> list[int]:
        """The numbers that a filter chooses."""
        return [row["sequence"] for row in self.rows(f"$select=sequence&$filter={quote(text)}")]

    def fetched(self, xml: str) -> list[int]:
        return [row["sequence"] for row in self.rows(f"fetchXml={quote(xml)}")]

    def complaint(self, query: str) -> str:
        """What a bad query is told."""
        answer = self(query)
        assert answer.status == 400, (query, answer.status, answer.body)
        error = json.loads(answer.body)["error"]
        assert set(error) == {"code", "message"} and error["code"].startswith("0x")
        return str(error["message"])

    def walked(self, query: str, **headers: str) -> list[Entity]:
        """Every page, by the links from one to the next."""
        found: list[Entity] = []
        while True:
            document = json.loads(self(query, **headers).body)
            found += document["value"]
            if "@odata.nextLink" not in document:
                return found
            link = str(document["@odata.nextLink"])
            assert link.startswith(f"{BASE}asyncoperations?")
            query = link.partition("?")[2]


def fill(past: Past) -> None:
    """Forty system jobs in every status, with and without whatever there is."""
    jobs = [past.job("nightly-import", token="ledger"), past.job("Backup"), past.job("a_b.c")]
    actors = [past.actor(name) for name in ("user:alice", "user:bob", "token:ci")]
    statuses = [Status.SUCCEEDED, Status.FAILED, Status.WAITING, Status.CANCELED, Status.WAITING_FOR_RESOURCES]
    for number in range(40):
        created = past.now - (60 - number) * HOUR
        status = statuses[number % 5]
        columns: dict[str, Any] = {"created_on": created, "modified_on": created + number % 3 * MINUTE}
        if status.state is State.COMPLETED:
            columns |= {"started_on": created + MINUTE, "completed_on": created + (number % 7) * HOUR + 2 * MINUTE}
            columns |= {"run_time": number * 123_456, "message": f"Ended {number}", "error_code": number % 4 or None}
        columns |= {"reason": {Status.FAILED: "exit", Status.CANCELED: "user"}.get(status)}
        if status is Status.WAITING:
            columns |= {"reason": "postponed", "due_at": past.now + number * DAY}
        if number % 4 == 0:
            columns |= {"regarding": f"invoice:{GUID}" if number % 8 else f"order:{number}", "stage": "Copying"}
        if number % 6 == 0:
            columns |= {"dependency_token": "ledger" if number % 12 else "LEDGER"}
        columns |= {"created_by": actors[number % 3], "owner": actors[number % 2], "retry_count": number % 5}
        past.add(jobs[number % 3], status, **columns)


TEXTS = ("name", "message", "dependencytoken", "primaryentitytype", "jobctl_job", "workflowstagename", "jobctl_reason")


def in_order(rows: list[Entity], name: str, descending: bool) -> list[int]:
    """The numbers in the order of an attribute: nothing is the least, and equal ones stand newest first."""

    def key(row: Entity) -> tuple[bool, Any]:
        value = row["sequence"] if name == "createdon" else row[name]
        return value is not None, (value.lower() if isinstance(value, str) and name in TEXTS else value) or 0

    newest_first = sorted(rows, key=lambda row: row["sequence"], reverse=True)
    return [row["sequence"] for row in sorted(newest_first, key=key, reverse=descending)]
