"""A client of Azure's jobs: their own addresses or the short ones, and what the tests ask again and again."""

from __future__ import annotations

import re
from typing import Any

import httpx

from tests.conftest import wait_until

LONG = "/subscriptions/s-1/resourceGroups/g/providers/Microsoft.Scheduler/jobCollections/c/jobs"
SHORT = "/azure/jobs"
Document = dict[str, Any]
REPORT: Document = {"type": "jobctl", "job": "report"}


class Azure:
    def __init__(self, client: httpx.Client, jobs: str = SHORT) -> None:
        self.client = client
        self.jobs = jobs
        self.version = {} if jobs == SHORT else {"api-version": "2016-03-01"}

    def ask(self, method: str, name: str = "", body: object = None, /, **query: object) -> httpx.Response:
        """A dollar is put before the names in `query`. Every answer has a number of its own."""
        named = {f"${each}": str(value) for each, value in query.items()}
        address = f"{self.jobs}/{name}" if name else self.jobs
        options: dict[str, Any] = {} if body is None else {"json": body}
        answer = self.client.request(method, address, params={**self.version, **named}, **options)
        assert re.fullmatch("[0-9a-f-]{36}", answer.headers["x-ms-request-id"])
        return answer

    def put(self, name: str, *, status: int = 201, **document: object) -> Document:
        """The job's properties, as the answer has them."""
        return told(self.ask("PUT", name, {"action": REPORT, **document}), status)

    def patch(self, name: str, **document: object) -> Document:
        return told(self.ask("PATCH", name, document), 200)

    def get(self, name: str) -> Document:
        return told(self.ask("GET", name), 200)

    def run(self, name: str) -> None:
        answer = self.ask("POST", f"{name}/run")
        assert (answer.status_code, answer.text) == (200, "")

    def history(self, name: str, /, **query: object) -> list[Document]:
        """Its entries' properties, newest first."""
        answer = self.ask("GET", f"{name}/history", **query)
        assert answer.status_code == 200, answer.text
        return [entry["properties"] for entry in answer.json()["value"]]

    def names(self, **query: object) -> list[str]:
        answer = self.ask("GET", **query)
        assert answer.status_code == 200, answer.text
        return [job["name"].rpartition("/")[2] for job in answer.json()["value"]]

    def until(self, name: str, **status: object) -> Document:
        """Wait until these counters, or the state, read so; the properties."""

        def reads_so() -> Document | None:
            found = self.get(name)
            both = {**found["status"], "state": found["state"]}
            return found if all(both.get(key) == value for key, value in status.items()) else None

        found: Document = wait_until(reads_so, what=f"{name} reads {status}")
        return found

    def walk(self, name: str = "", /, **query: object) -> list[list[str]]:
        """The names on every page, by the links from one to the next."""
        answer = self.ask("GET", name, **query)
        pages = []
        while True:
            assert answer.status_code == 200, answer.text
            document = answer.json()
            pages.append([each["name"].rpartition("/")[2] for each in document["value"]])
            if "nextLink" not in document:
                return pages
            answer = self.client.get(document["nextLink"])


def told(answer: httpx.Response, status: int) -> Document:
    assert answer.status_code == status, answer.text
    found: Document = answer.json()["properties"]
    return found


def error(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, code and sentence of a refusal."""
    document = answer.json()
    assert set(document) == {"error"} and set(document["error"]) == {"code", "message"}
    return answer.status_code, document["error"]["code"], document["error"]["message"]
