"""What Schemathesis makes of the OpenAPI document is answered as the document says, and never without a token."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import Jobctl
from tests.web.conftest import StartServe

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "ignored_auth",
)
EXAMPLES = 12


def test_no_request_ends_in_an_error_of_the_service_or_passes_without_a_token(
    jobctl: Jobctl, serve: StartServe, token: str, tmp_path: Path
) -> None:
    jobctl("add", "report", "--every", "1h", "--", "true", expect=0)
    for _ in range(3):
        jobctl("run", "report", expect=0)
    served = serve()
    with served.client(token) as client:
        document = client.get("/openapi.json").json()
        rows = client.get("/api/data/v9.0/asyncoperations").json()["value"]
        users = client.get("/api/data/v9.0/systemusers").json()["value"]
    known = {"key": rows[0]["asyncoperationid"], "process": "report", "job": "nightly", "name": "statuscode"}
    assert users
    jobctl("add", "nightly", "--", "true", expect=0)
    said = tmp_path / "openapi.json"
    said.write_text(json.dumps(with_examples(document, known)))
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(said), "--url", served.url]
    command += ["-H", f"X-TOKEN: {token}", "--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing"]
    command += ["--max-examples", str(EXAMPLES), "--generation-deterministic", "--no-color"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=400)
    report = found.stdout + found.stderr
    assert found.returncode == 0, report
    assert f"Tested: {operations(document)}" in report, report
    assert "only 401/403" not in report, report
    assert served.process.poll() is None and "while answering" not in served.output


def with_examples(document: dict[str, Any], known: dict[str, str]) -> dict[str, Any]:
    """With the names of things that there are, and one way to show the token: two of them at once are refused."""
    document["security"] = [{"token": []}]
    del document["components"]["securitySchemes"]["bearer"]
    for item in document["paths"].values():
        for holder in (item, *(one for one in item.values() if isinstance(one, dict))):
            for parameter in holder.get("parameters", ()):
                if parameter["name"] in known:
                    parameter["example"] = known[parameter["name"]]
    return document


def operations(document: dict[str, Any]) -> int:
    return sum(name != "parameters" for item in document["paths"].values() for name in item)
