"""The witness of the end-to-end tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Jobctl
from tests.end_to_end.witness import Witness


@pytest.fixture
def witness(tmp_path: Path, jobctl: Jobctl) -> Witness:
    return Witness(tmp_path / "witness", jobctl)
