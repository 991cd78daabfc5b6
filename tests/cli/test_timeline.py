"""`jobctl monitor --timeline`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobctl.model import Status
from tests.cli.history import HOUR, MINUTE, SECOND, Past
from tests.cli.terminal import on_terminal
from tests.conftest import Jobctl

pytestmark = pytest.mark.thorough

CELLS = 74
"""Cells beside a name of four letters on 80 columns: one a minute in the window of these tests."""
BEHIND = 60


@pytest.fixture
def past(home: Path) -> Iterator[Past]:
    with Past(home) as found:
        found.now -= found.now % SECOND
        yield found


def window(past: Past) -> list[str]:
    """An axis with one minute to a cell, 60 behind now."""
    start = past.now - BEHIND * MINUTE
    return ["--since", f"@{start // SECOND}", "--until", f"@{(start + CELLS * MINUTE) // SECOND}"]


def at(past: Past, cell: float) -> int:
    """The instant in that cell of the axis."""
    return past.now + round((cell - BEHIND) * MINUTE)


def ran(past: Past, job: int, status: Status, first: float, last: float, **columns: Any) -> int:
    """Ran from the middle of one cell to that of another."""
    begun, ended = at(past, first + 0.5), at(past, last + 0.5)
    columns = {"started_on": begun, "completed_on": ended, "run_time": ended - begun, **columns}
    return past.add(job, status, created_on=begun, **columns)


def rows(text: str) -> dict[str, str]:
    """The cells of each row by its name."""
    lines = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
    return {line[:4].strip(): line[5:] for line in lines[3:] if line[:4].strip() and line[:4].isalpha()}


def one_of_each(past: Past) -> None:
    ends = past.job("ends")
    ran(past, ends, Status.SUCCEEDED, 2, 5)
    ran(past, ends, Status.FAILED, 8, 10, reason="exit")
    ran(past, ends, Status.FAILED, 13, 13, reason="exit")
    ran(past, ends, Status.CANCELED, 16, 18, reason="user")
    missed = {"started_on": None, "completed_on": at(past, 40.5), "run_time": None, "attempt": 0}
    past.add(ends, Status.CANCELED, reason="missed", **missed, plan=1, occurrence_at=at(past, 22.5))
    past.add(ends, Status.CANCELED, reason="overlap", **missed, plan=1, occurrence_at=at(past, 23.5))
    past.add(ends, Status.CANCELED, reason="user", **missed)
    ran(past, ends, Status.SUCCEEDED, 45, 45)
    ran(past, ends, Status.FAILED, 45, 45, reason="exit")
    ran(past, ends, Status.SUCCEEDED, -400, -300)
    live = past.job("live")
    past.add(live, Status.IN_PROGRESS, started_on=at(past, 50.5))
    past.add(live, Status.WAITING, reason="scheduled", due_at=at(past, 66.5), started_on=None)
    past.add(live, Status.WAITING, reason="after", due_at=at(past, 3.5), started_on=None)
    stop = past.job("stop")
    paused = ran(past, stop, Status.SUCCEEDED, 10, 30, run_time=10 * MINUTE)
    past.event(paused, "paused", at(past, 15.5))
    past.event(paused, "resume", at(past, 20.5))
    still = past.add(stop, Status.WAITING, reason="paused", runner_id="1" * 16, started_on=at(past, 40.5))
    past.event(still, "paused", at(past, 50.5))
    tried = past.add(past.job("wait"), Status.WAITING_FOR_RESOURCES, ready_on=at(past, 55.5), retry_count=1)
    past.event(tried, "retry", at(past, 52.5))


def drawn(*parts: tuple[int, str]) -> str:
    """A row with these texts at these cells, and the line of now."""
    cells = [" "] * CELLS
    for first, text in ((BEHIND, "|"), *parts):
        cells[first : first + len(text)] = text
    return "".join(cells).rstrip()


def test_every_kind_where_it_belongs(jobctl: Jobctl, past: Past) -> None:
    one_of_each(past)
    found = jobctl("monitor", "--timeline", *window(past), expect=0).stdout
    assert rows(found) == {
        "ends": drawn((2, "===="), (8, "xxx"), (13, "x"), (16, "ccc"), (22, "!!"), (40, "c"), (45, "x")),
        "live": drawn((50, ">" * 11), (66, ".")),
        "stop": drawn((10, "====="), (15, "pppppp"), (21, "=" * 10), (40, ">" * 11 + "p" * 10)),
        "wait": drawn((52, "x"), (55, "~" * 6)),
    }
    assert found.isascii() and all(len(line) <= 80 for line in found.splitlines())
    legend = found.split("\n\n")[1].replace("\n", "   ").strip()
    assert legend.split("   ") == [
        ". next",
        "~ waiting",
        "= succeeded",
        "c canceled",
        "> running",
        "x failed",
        "p paused",
        "! not run",
    ]


def test_json_has_the_intervals(jobctl: Jobctl, past: Past) -> None:
    one_of_each(past)
    found = jobctl("monitor", "--timeline", "--json", *window(past), "--job", "stop", expect=0).json
    kinds = [(one["sequence"], one["kind"], one["status"], one["to"] is None) for one in found["intervals"]]
    first, second = sorted({one["sequence"] for one in found["intervals"]})
    assert kinds == [
        (first, "succeeded", "succeeded", False),
        (first, "paused", "succeeded", False),
        (second, "running", "waiting", False),
        (second, "paused", "waiting", True),
    ]
    assert found["timeline"]["from"] < found["intervals"][0]["from"] < found["timeline"]["now"]
    assert found["truncated"] is False and found["jobs_left_out"] == 0


def test_on_a_terminal_with_blocks_and_without(jobctl: Jobctl, past: Past) -> None:
    one_of_each(past)
    args = ("monitor", "--timeline", *window(past))
    for columns in (80, 120):
        shown, code = on_terminal(jobctl, *args, columns=columns)
        plain = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode())
        assert code == 0 and max(map(len, plain.splitlines())) in range(columns - 3, columns + 1)
        assert "\x1b[32m██" in shown.decode() and "▓×" in plain and "█▶" in plain and "░" in plain
    uncolored = Jobctl({**jobctl.environment, "NO_COLOR": "1"})
    assert on_terminal(uncolored, *args)[0].isascii()
    latin = on_terminal(Jobctl({**jobctl.environment, "PYTHONIOENCODING": "latin-1"}), *args)[0]
    assert latin.isascii() and b"\x1b[32m====" in latin


def test_further_occurrences_are_dots_ahead_of_now(jobctl: Jobctl, past: Past) -> None:
    jobctl("add", "tick", "--every", "2m", "--start", f"@{at(past, 61.5) // SECOND}", "--", "true", expect=0)
    found = jobctl("monitor", "--timeline", *window(past), expect=0).stdout
    assert rows(found) == {"tick": drawn((61, ". . . . . . ."))}
    intervals = jobctl("monitor", "--timeline", "--json", *window(past), expect=0).json["intervals"]
    assert [one["kind"] for one in intervals] == ["next"] * 7
    assert [one["sequence"] for one in intervals] == [1, *[None] * 6]
    assert [one["from"] for one in intervals] == sorted({one["from"] for one in intervals})


def test_the_axis_is_in_local_time(jobctl: Jobctl, past: Past) -> None:
    midnight = 1_795_219_200  # 2026-11-21 00:00 UTC
    past.add(
        past.job("long"), Status.SUCCEEDED, created_on=midnight * SECOND, completed_on=midnight * SECOND + 9 * HOUR
    )
    args = ("--since", f"@{midnight}", "--until", f"@{midnight + 12 * 3600}")
    found = jobctl("monitor", "--timeline", *args, env={"TZ": "Europe/Madrid"}, expect=0).stdout.splitlines()
    assert found[0] == "2026-11-21 01:00 to 13:00 +01:00, a column is 9m 44s"
    assert found[1].split() == ["02:00", "04:00", "06:00", "08:00", "10:00", "12:00"]
    assert [found[2][found[1].index(hour)] for hour in found[1].split()] == ["+"] * 6


def test_the_axis_may_end_where_the_calendar_does(jobctl: Jobctl) -> None:
    jobctl("add", "once", "--at", "9999-12-29T23:00Z", "--", "true", expect=0)
    for since in ("1970-01-02", "9990-01-01", "9999-12-29"):
        for zone in ("Pacific/Kiritimati", "Pacific/Niue"):
            args = ("--since", since, "--until", "9999-12-30 00:00Z")
            found = jobctl("monitor", "--timeline", *args, env={"TZ": zone}, expect=0)
            assert found.stdout.splitlines()[2].startswith(" ") and not found.stderr


def test_without_a_window_it_fits_what_there_is(jobctl: Jobctl, past: Past) -> None:
    one = past.job("one")
    past.add(one, Status.SUCCEEDED, created_on=past.now - 30 * HOUR)

    def length() -> float:
        from datetime import datetime

        found = jobctl("monitor", "--timeline", "--json", expect=0).json["timeline"]
        begin, end = (datetime.fromisoformat(found[name]) for name in ("from", "to"))
        return (end - begin).total_seconds()

    assert 30 * 3600 < length() < 40 * 3600
    past.add(one, Status.SUCCEEDED, created_on=past.now - 10 * MINUTE)
    assert 600 < length() < 900
    past.add(one, Status.IN_PROGRESS, started_on=past.now - 90 * MINUTE)
    assert 3600 < length() < 5400


def test_names_beyond_the_limit_are_counted(jobctl: Jobctl, past: Past) -> None:
    for index in range(5):
        ran(past, past.job(f"job{index}"), Status.SUCCEEDED, index, index + 3)
    found = jobctl("monitor", "--timeline", *window(past), "--limit", "2", expect=0)
    assert [line[:4] for line in found.stdout.splitlines()[3:5]] == ["job3", "job4"]
    assert found.stderr == "jobctl: 3 more are left out; --limit shows more, --job one\n"


def test_an_empty_window_is_said(jobctl: Jobctl) -> None:
    found = jobctl("monitor", "--timeline", expect=0)
    assert found.stdout == "" and found.stderr.startswith("jobctl: no system job between ")
    assert jobctl("monitor", "--timeline", "--job", "nobody", expect=3).stderr == "jobctl: no job named 'nobody'\n"


def test_names_cannot_speak_to_the_terminal(jobctl: Jobctl, past: Past) -> None:
    ran(past, past.job("one"), Status.SUCCEEDED, 3, 4, name="\x1b]0;x\x07\u202e日本")
    shown, _ = on_terminal(jobctl, "--color", "never", "monitor", "--timeline", *window(past))
    assert shown.replace(b"\r\n", b"").decode().isprintable()
