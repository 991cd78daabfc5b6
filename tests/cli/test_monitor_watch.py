"""`jobctl monitor --watch`."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobctl import control
from jobctl.model import Status
from jobctl.selection import Feed
from jobctl.store import Filter
from tests.cli.history import MINUTE, Past
from tests.cli.terminal import Terminal
from tests.conftest import Jobctl, StartDaemon

pytestmark = pytest.mark.thorough


@pytest.fixture
def past(home: Path) -> Iterator[Past]:
    with Past(home) as found:
        yield found


def test_progress_and_stage_of_a_running_one(jobctl: Jobctl, daemon: StartDaemon) -> None:
    daemon()
    report = " ".join(jobctl.command("report", "--progress", "40", "--stage", "rendering"))
    path = jobctl.environment["PYTHONPATH"]
    jobctl("add", "one", "--env", f"PYTHONPATH={path}", "--command", f"{report}; sleep 100", expect=0)
    jobctl("run", "one", expect=0)
    terminal = Terminal(jobctl, "monitor", "--watch")
    terminal.until(lambda shown: b"40% rendering" in shown)
    jobctl("pause", "1", "--wait", expect=0)
    terminal.until(lambda shown: b"paused" in shown)
    assert "40" in jobctl("show", "1", expect=0).stdout
    terminal.type(b"q")
    assert terminal.end() == 0
    jobctl("cancel", "1", "--wait", expect=0)


@pytest.mark.parametrize(("keys", "code"), [(b"q", 0), (b"\x03", 130), (b"\x04", 0)])
def test_watch_follows_the_store_and_leaves_the_terminal_as_it_was(jobctl: Jobctl, keys: bytes, code: int) -> None:
    jobctl("run", "--", "true", expect=0)
    terminal = Terminal(jobctl, "monitor", "--watch")
    terminal.until(lambda shown: b"ready" in shown)
    jobctl("cancel", "1", expect=0)
    terminal.until(lambda shown: b"canceled (user)" in shown)
    terminal.type(keys)
    assert terminal.end() == code
    assert terminal.shown.rstrip().endswith(b"\x1b[?1049l")
    assert b"\x1b[2J" not in terminal.shown


def test_watch_survives_sigterm_with_the_terminal_in_order(jobctl: Jobctl) -> None:
    import os

    terminal = Terminal(jobctl, "monitor", "--watch")
    terminal.until(lambda shown: b"q quits" in shown)
    os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.end() == 128 + signal.SIGTERM
    assert b"\x1b[?1049l" in terminal.shown


def test_watch_in_a_pipe_prints_each_change(jobctl: Jobctl) -> None:
    jobctl("run", "--", "true", expect=0)
    process = subprocess.Popen(
        jobctl.command("monitor", "--watch", "--json"),
        env=jobctl.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stderr is not None
    seen = [json.loads(process.stdout.readline())["system_job"]]
    jobctl("run", "--", "true", expect=0)
    seen.append(json.loads(process.stdout.readline())["system_job"])
    jobctl("cancel", "1", expect=0)
    seen.append(json.loads(process.stdout.readline())["system_job"])
    assert [(one["sequence"], one["status"]) for one in seen] == [
        (1, "waiting_for_resources"),
        (2, "waiting_for_resources"),
        (1, "canceled"),
    ]
    process.stdout.close()
    assert process.wait(20) == 0
    assert process.stderr.read() == ""


def last_frame(shown: bytes) -> list[str]:
    """The lines of what was drawn last, without colours."""
    frame = shown.decode().split("\x1b[H")[-1]
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", frame).splitlines()]


def test_an_old_running_one_stays_on_a_short_screen_with_its_bar(jobctl: Jobctl, past: Past) -> None:
    one = past.job("one")
    past.add(one, Status.IN_PROGRESS, name="old", started_on=past.now - 90 * MINUTE, progress=40.0, stage="copying")
    for _ in range(30):
        past.add(one, Status.SUCCEEDED)
    terminal = Terminal(jobctl, "monitor", "--watch", rows=10)
    terminal.until(lambda shown: b"q quits" in shown)
    terminal.type(b"q")
    assert terminal.end() == 0
    lines = last_frame(terminal.shown.split(b"\x1b[?1049l")[0])
    assert len(lines) <= 10 and all(len(line) <= 80 for line in lines)
    assert re.match(r" +1  old  in progress .* 1h 30m    1  ████░░░░░░ 40% copying", lines[2])
    assert "1 running · 0 waiting" in lines[-1] or "1 running · 0 waiting" in lines[-2]


def test_a_screen_that_is_busy_is_not_drawn_for_every_change(jobctl: Jobctl, past: Past) -> None:
    one = past.job("one")
    waiting = [past.add(one, Status.WAITING_FOR_RESOURCES) for _ in range(300)]
    terminal = Terminal(jobctl, "monitor", "--watch")
    terminal.until(lambda shown: b"300 waiting" in shown)
    begun = past.store.clock.monotonic()
    for sequence in waiting:
        control.cancel(past.store, sequence)
        terminal.read(0)
    terminal.until(lambda shown: b" 0 waiting" in shown)
    lasted = past.store.clock.monotonic() - begun
    terminal.type(b"q")
    assert terminal.end() == 0
    assert terminal.shown.count(b" waiting \xc2\xb7") <= lasted / 0.3 + 3


def test_a_pipe_gets_what_was_quicker_than_a_look(past: Past) -> None:
    one = past.job("one")
    old = past.add(one, Status.WAITING_FOR_RESOURCES)
    for _ in range(60):
        past.add(one, Status.SUCCEEDED)
    feed = Feed(past.store, Filter(statuses=(Status.CANCELED, Status.SUCCEEDED)))
    assert [row.sequence for row in feed.first(3)] == [59, 60, 61]
    assert feed.changed() == []
    control.cancel(past.store, old)
    quick = [past.add(one, Status.SUCCEEDED) for _ in range(200)]
    past.add(one, Status.FAILED, reason="exit")
    assert [(row.sequence, row.status) for row in feed.changed()] == [
        (old, Status.CANCELED),
        *((sequence, Status.SUCCEEDED) for sequence in quick),
    ]
    assert feed.changed() == []


def test_chosen_columns_and_times_in_a_watched_pipe(jobctl: Jobctl, past: Past) -> None:
    past.add(past.job("one"), Status.SUCCEEDED)
    args = ("monitor", "--watch", "--columns", "sequence,status,end", "--relative")
    for more, expected in (((), "1\tsucceeded\t59m 59s ago\n"), (("--json",), None)):
        process = subprocess.Popen(
            jobctl.command(*args, *more), env=jobctl.environment, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        if expected is None:
            assert list(json.loads(line)["system_job"]) == ["sequence", "status", "end"]
        else:
            assert re.fullmatch(expected.replace("59m 59s", r"(59m \d+s|1h)"), line)
        process.stdout.close()
        assert process.wait(20) == 0


def test_an_unknown_job_is_not_watched(jobctl: Jobctl) -> None:
    jobctl("add", "backup", "--", "true", expect=0)
    assert "did you mean 'backup'" in jobctl("monitor", "--watch", "--job", "bakup", expect=3).stderr
