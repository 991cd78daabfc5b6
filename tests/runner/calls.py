"""Runs of the functions of callables.py by a runner, and what became of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jobctl.runner.protocol import Message
from tests.runner import callables
from tests.runner.harness import RunnerProcess

HERE = str(Path(callables.__file__).parent)


def call(runner: RunnerProcess, function: str, changes: dict[str, Any] | None = None, /, **data: Any) -> Message:
    """A run of a function of callables.py, with keyword arguments."""
    return runner.work(callable=f"callables:{function}", path=[HERE], data=json.dumps(data), **(changes or {}))


def warm(runner: RunnerProcess) -> int:
    """Have an idle worker; its pid."""
    answer: int = json.loads(runner.call("callables:pid", path=[HERE])["result"])
    return answer


def witness(runner: RunnerProcess) -> list[int]:
    """The runs whose code was reached, in order."""
    path = runner.home / "witness"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def outcomes(runner: RunnerProcess, works: list[Message], timeout: float = 20.0) -> list[Message]:
    return [runner.daemon.outcome(work["sequence"], timeout) for work in works]


def ended(runner: RunnerProcess) -> list[int]:
    return [end["sequence"] for end in runner.daemon.all("end")]


def numbers(works: list[Message]) -> list[int]:
    return [work["sequence"] for work in works]
