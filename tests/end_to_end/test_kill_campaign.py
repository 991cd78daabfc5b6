"""The kill campaign in small: `python -m campaigns.kill` is the long form."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_nothing_is_lost_repeated_or_mixed_up() -> None:
    command = [sys.executable, "-m", "campaigns.kill", "--kills", "35", "--seed", "2", "--runners", "--workers"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = dict(line.split("  ", 1) for line in done.stdout.splitlines())
    assert int(figures["succeeded"]) > 20
    assert int(figures["submitted"]) > 20
    runners, workers = map(int, figures["runners, workers killed"].split(","))
    assert runners and workers
