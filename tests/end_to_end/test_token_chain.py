"""The token chain in small: `python -m campaigns.token_chain` is the long form."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).resolve().parents[2]


def test_one_at_a_time_and_in_the_order_of_joining() -> None:
    command = [sys.executable, "-m", "campaigns.token_chain", "--length", "100", "--seed", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = dict(line.split("  ", 1) for line in done.stdout.splitlines())
    for what in ("daemons killed", "asked to cancel", "asked to postpone", "asked to pause", "failed"):
        assert int(figures[what]) > 0, what
    assert int(figures["succeeded"]) > 50
