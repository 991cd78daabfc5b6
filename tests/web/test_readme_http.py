"""The README's requests are answered, in the order of reading, by the service it tells of."""

from __future__ import annotations

import re

import httpx

from tests.conftest import Jobctl
from tests.test_readme import blocks


def test_the_requests_of_the_readme_are_answered(jobctl: Jobctl, client: httpx.Client) -> None:
    jobctl("add", "report", "--cron", "30 6 * * mon-fri", "--", "date", expect=0)  # as a reader has it by then
    jobctl("add", "slow", "--", "true", expect=0)
    last = ""
    found = blocks("http")
    assert len(found) >= 6
    for text in found:
        head, _, body = text.partition("\n\n")
        request, *lines = head.strip().splitlines()
        method, target = request.split(" ", 1)
        headers = dict(line.split(": ", 1) for line in lines)
        if body and "Content-Type" not in headers:
            headers["Content-Type"] = "application/json"
        answer = client.request(method, target.replace("{id}", last), headers=headers, content=body or None)
        assert answer.is_success, f"{text}\n{answer.status_code} {answer.text}"
        if target.startswith("/async-process/?"):
            last = answer.json()["id"]
            assert answer.status_code == 202 and re.fullmatch("[0-9A-F]{32}", last)


def test_errors_are_as_the_readme_shows_them(jobctl: Jobctl, client: httpx.Client) -> None:
    jobctl("add", "report", "--", "date", expect=0)
    document = client.post("/async-process/?process=raport").json()
    error = {"code": "NotFound", "message": "no job named 'raport'; did you mean 'report'?"}
    assert document == {"status": "ERROR", "error": error}
