"""A home with something in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Jobctl


@pytest.fixture
def filled(jobctl: Jobctl, home: Path) -> Path:
    """A home with a job that has a schedule, and system jobs that are ready, suspended and completed."""
    jobctl("add", "backup", "--every", "1h", "--start", "in 1h", "--", "true", expect=0)
    jobctl("run", "backup", expect=0)
    jobctl("run", "backup", "--at", "in 1h", expect=0)
    jobctl("run", "backup", expect=0)
    jobctl("cancel", "4", expect=0)
    return home
