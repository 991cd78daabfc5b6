"""A real runner for every test, in a home of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runner.harness import RunnerProcess


@pytest.fixture
def runner(home: Path) -> Iterator[RunnerProcess]:
    runner = RunnerProcess(home)
    yield runner
    runner.close()


@pytest.fixture
def timed_runner(home: Path, clock_file: object, environment: dict[str, str]) -> Iterator[RunnerProcess]:
    """A runner whose clocks the test moves by `clock_file`."""
    runner = RunnerProcess(home, JOBCTL_TEST="1", JOBCTL_CLOCK=environment["JOBCTL_CLOCK"])
    yield runner
    runner.close()
