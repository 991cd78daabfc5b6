"""Rendering: escapes, the formats, widths, and everything about one system job."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import os
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobctl.model import Reason, State, Status
from jobctl.output import FORMATS, Output, escape
from jobctl.output.columns import SYSTEM_JOB_COLUMNS, status_words
from jobctl.output.tables import NARROWEST, Column, fit, width
from jobctl.output.text import local, relative, shorten, span
from jobctl.store import Event
from tests.samples import NOW, system_job

EVIL = "\x1b[31m\x9b2J\x7f\u202e\ud800\u2066\udcff\r\n\t\0\u200b"


@pytest.fixture
def output() -> Output:
    return Output("plain", color=False, now=NOW)


@pytest.fixture(autouse=True)
def madrid(monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setenv("TZ", "Europe/Madrid")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_escape_shows_what_a_terminal_would_obey() -> None:
    assert escape(EVIL) == (r"\x1b[31m\x9b2J\x7f\u202e\ud800\u2066\xff\r\n\t\x00\u200b")
    assert escape("ordinary, también 日本語 ✓") == "ordinary, también 日本語 ✓"


@given(st.text(st.characters(codec=None)))
def test_escaped_text_is_one_printable_line(text: str) -> None:
    escaped = escape(text)
    escaped.encode()
    assert len(escaped.splitlines()) <= 1
    assert not any(character < " " or "\x7f" <= character <= "\x9f" for character in escaped)
    assert escape(escaped) == escaped


def test_instants_are_local_with_their_offset() -> None:
    assert local(1_795_000_000_000_000) == "2026-11-18 12:06:40 +01:00"
    assert local(1_780_000_000_000_000) == "2026-05-28 22:26:40 +02:00"
    assert local(0, offset=False) == "1970-01-01 01:00:00"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0s"), (59, "59s"), (60, "1m"), (3_661, "1h 1m"), (7_200, "2h"), (90_061, "1d 1h"), (86_400 * 400, "400d")],
)
def test_spans_have_two_units_at_most(seconds: int, words: str) -> None:
    assert span(seconds) == words


def test_distances_say_their_direction() -> None:
    assert relative(NOW, NOW) == "now"
    assert relative(NOW + 90_000_000, NOW) == "in 1m 30s"
    assert relative(NOW - 90_000_000, NOW) == "1m 30s ago"


def test_shorten_shows_the_cut() -> None:
    assert (shorten("abcdef", 6), shorten("abcdef", 5)) == ("abcdef", "abcd…")


COLUMNS: Sequence[Column[tuple[str, int]]] = (
    Column("name", lambda row: row[0], flexible=True),
    Column("number", lambda row: row[1], right=True),
)


@pytest.mark.parametrize("kind", [*FORMATS, "rich"])
def test_no_format_lets_an_escape_through(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    Output(kind, color=False, now=NOW).table(COLUMNS, [(EVIL, -5)])
    shown = capsys.readouterr().out
    shown.encode()
    assert not set(shown) & set(EVIL.replace("[31m", "").replace("2J", "").replace("\n", "").replace("\t", ""))
    assert r"\x1b[31m" in shown


def test_plain_is_aligned_by_display_width(output: Output, capsys: pytest.CaptureFixture[str]) -> None:
    output.table(COLUMNS, [("日本", 5), ("e\u0301", 12), ("abc", 123)])
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["NAME  NUMBER", "日本       5", "e\u0301         12", "abc      123"]
    assert len({width(line) for line in lines}) == 1


@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=1))
def test_csv_reads_back_and_runs_nothing(cells: list[str]) -> None:
    stream = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", stream)
        Output("csv", color=False, now=NOW).table(COLUMNS, [(cell, 1) for cell in cells])
    rows = list(csv.reader(io.StringIO(stream.getvalue())))
    assert [row[0].removeprefix("'") for row in rows[1:]] == [escape(cell).removeprefix("'") for cell in cells]
    assert not any(row[0].startswith(("=", "+", "-", "@")) for row in rows)


@given(
    st.lists(st.tuples(st.text("ab", max_size=60), st.integers(0, 10**30)), min_size=1),
    st.integers(min_value=20, max_value=120),
)
def test_columns_fit_the_terminal(rows: list[tuple[str, int]], total: int) -> None:
    cells = [[name, str(number)] for name, number in rows]
    natural = [max(map(len, ["name", *(line[0] for line in cells)])), max(map(len, ["number", *(c[1] for c in cells)]))]
    widths = fit(COLUMNS, cells, total)
    assert sum(widths) + 2 <= max(total, 4)
    assert all(given <= needed for given, needed in zip(widths, natural, strict=True))
    if sum(natural) + 2 <= total:
        assert widths == natural
    elif widths[1] < min(natural[1], total):
        assert widths[0] <= NARROWEST  # the inflexible one gives way last


def test_system_jobs_in_json_and_tables(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [system_job(sequence=2), system_job(sequence=1, message=EVIL)]
    Output("json", color=False, now=NOW).system_jobs(rows, payloads={2: ('{"a": 1}', "null")})
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == 1
    assert [one["data"] for one in document["system_jobs"]] == [{"a": 1}, None]
    for kind in FORMATS:
        Output(kind, color=False, now=NOW).system_jobs(rows)
        assert "\x1b" not in capsys.readouterr().out


def test_json_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    Output("json", color=False, now=NOW).document(text=EVIL + "é")
    shown = capsys.readouterr().out
    assert shown.isascii() and shown.rstrip("\n").isprintable()
    assert json.loads(shown)["text"] == EVIL + "é"


def test_machine_formats_carry_utc_and_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    Output("csv", color=False, now=NOW).system_jobs([system_job(run_time=1_500_000, started_on=0)])
    row = next(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert (row["start"], row["duration"]) == ("1970-01-01T00:00:00.000000+00:00", "1.5")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"state": State.READY, "status": Status.WAITING_FOR_RESOURCES}, "ready"),
        ({"state": State.READY, "status": Status.WAITING_FOR_RESOURCES, "blocked_by": 7}, "ready (behind 7)"),
        (
            {"state": State.SUSPENDED, "status": Status.WAITING, "reason": Reason.WAITING_FOR_EVENT},
            "waiting (waiting for event)",
        ),
        ({"state": State.LOCKED, "status": Status.IN_PROGRESS}, "in progress"),
        ({"status": Status.FAILED, "reason": Reason.EXIT, "exit_code": 3}, "failed (exit 3)"),
        ({"status": Status.FAILED, "reason": Reason.TIMEOUT, "exit_code": None}, "failed (timeout)"),
        ({"status": Status.SUCCEEDED}, "succeeded"),
    ],
)
def test_status_in_words(changes: dict[str, object], words: str) -> None:
    assert status_words(dataclasses.replace(system_job(), **changes)) == words  # type: ignore[arg-type]


def test_everything_about_one_system_job(output: Output, capsys: pytest.CaptureFixture[str]) -> None:
    shown = system_job(
        message=EVIL,
        dependency_token=EVIL,
        stage=EVIL,
        progress=40.0,
        recurrence_pattern='{"notation": "cron", "expression": "@daily"}',
        time_zone="UTC",
        retry_count=2,
        attempt=3,
        dropped=4,
        log_bytes=10,
    )
    output.system_job(shown, '"\x1b"', "[1]", [Event(NOW, "user:eve\x1b", "postpone", {"until": EVIL}, 1)])
    text = capsys.readouterr().out
    assert "\x1b" not in text and "\u202e" not in text
    for part in (
        "@daily (UTC)",
        "3, retries 2",
        "4 occurrences not run",
        "40%",
        "see: jobctl logs",
        "[1]",
        "postpone (",
    ):
        assert part in text


def test_every_column_has_a_title_of_its_own() -> None:
    titles = [column.title for column in SYSTEM_JOB_COLUMNS]
    assert len(set(titles)) == len(titles)


def test_a_closed_stdout_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    for kind in (*FORMATS, "json", "rich"):
        out = Output.choose(kind if kind != "rich" else None, color="auto", now=NOW)
        out.system_jobs([system_job()])
        out.system_job(system_job())
        out.message("x")


@pytest.mark.parametrize(
    ("color", "environment", "colored"),
    [("auto", {}, False), ("always", {}, True), ("always", {"NO_COLOR": "1"}, True), ("never", {}, False)],
)
def test_colour_in_a_pipe_is_only_for_always(
    color: str, environment: dict[str, str], colored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert os.environ.get("NO_COLOR") == environment.get("NO_COLOR")
    assert Output.choose(None, color=color, now=NOW).color is colored
