"""The service against its OpenAPI document, in small: `python -m campaigns.http` is the long form."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import SOURCE


def test_the_service_answers_as_its_document_says() -> None:
    command = [sys.executable, "-m", "campaigns.http", "--examples", "6", "--seed", "1"]
    done = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = dict(line.split(None, 1) for line in done.stdout.splitlines())
    assert int(figures["operations"]) >= 25
    assert int(figures["answers"].partition(":")[0]) > 1000
