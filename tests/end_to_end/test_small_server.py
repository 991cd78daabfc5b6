"""The small server's campaign in its short form; the long one is `python -m campaigns.small_server --minutes 10`."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import SOURCE


def test_a_small_server_keeps_its_books_while_its_daemon_is_killed() -> None:
    command = [sys.executable, "-m", "campaigns.small_server", "--minutes", "0.5", "--seed", "2"]
    done = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stdout + done.stderr
