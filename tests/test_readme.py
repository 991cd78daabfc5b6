"""The README tells the truth: its commands exist, its examples run, its diagram is the model's and the database's.

Blocks marked `sh` are run in the order of reading, in one fresh home with a daemon; a `python` block that begins
with a file name is that file. Blocks marked `bash` install, or run for ever, and are only read.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import apsw
import click
import pytest

from jobctl import errors
from jobctl.cli import cli
from jobctl.model import MOVES, REASONS, Reason, State, Status
from tests.conftest import Jobctl, StartDaemon

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MIGRATION = (ROOT / "jobctl/sql/migrations/0001_foundation.sql").read_text(encoding="utf-8")


def section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def rows(text: str) -> Iterator[list[str]]:
    """The cells of each table row, headings left out."""
    for line in re.findall(r"^\|(.*)\|$", text, re.MULTILINE):
        cells = [cell.strip() for cell in line.split("|")]
        if cells[0] not in ("command", "state", "code") and not cells[0].startswith("---"):
            yield cells


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}$\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def commands() -> dict[str, click.Command]:
    context = click.Context(cli)
    found = {name: cli.get_command(context, name) for name in cli.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


def words(cell: str) -> set[str]:
    return set(re.findall(r"\w+", cell))


def test_the_table_of_commands_is_complete() -> None:
    documented = [match[1] for row in rows(section("Commands")) if (match := re.match(r"`([\w-]+)", row[0]))]
    assert documented == list(dict.fromkeys(documented))
    assert set(documented) == set(commands())


def test_every_option_named_exists() -> None:
    every = [cli, *commands().values()]
    every += [below for command in every[1:] if isinstance(command, click.Group) for below in command.commands.values()]
    known = {option for command in every for item in command.params for option in item.opts}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", README))
    assert named - known - {"--help"} == set()


def test_the_exit_codes_are_those_of_the_program() -> None:
    program = {value for name, value in vars(errors).items() if name.isupper() and isinstance(value, int)}
    assert {int(row[0]) for row in rows(section("Exit codes"))} == program | {0}


def test_the_diagram_shows_the_moves_of_the_model() -> None:
    drawn = re.findall(r"^    (\w+) --> (\w+)", section("How it works"), re.MULTILINE)
    assert len(drawn) == len(set(drawn))
    assert {(State[a.upper()], State[b.upper()]) for a, b in drawn} == {(a, b) for a in MOVES for b in MOVES[a]}


def test_the_table_of_states_is_that_of_the_model() -> None:
    table = {}
    for state, status, reasons in rows(section("How it works")):
        number = Status(int(re.findall(r"\d+", status)[0]))
        assert status == f"{number.label} ({number.value})"
        assert state == f"{number.state.label} ({number.state.value})"
        table[number] = frozenset(map(Reason, words(reasons)))
    assert table == REASONS


@pytest.fixture
def database() -> Iterator[apsw.Connection]:
    """A database of the first migration with one job, to put system jobs into."""
    connection = apsw.Connection(":memory:")
    connection.execute(MIGRATION)
    connection.execute("INSERT INTO actors (id, name) VALUES (1, 'jobctl')")
    connection.execute("INSERT INTO jobs VALUES (1, 'job', 1, 0, 1, 0, 1, NULL)")
    connection.execute("INSERT INTO job_versions VALUES (1, 1, 1, '{}', 0, 1)")
    yield connection
    connection.close()


INSERT = """
INSERT INTO system_jobs (id, job_id, job_version_id, name, state, status, reason, message_name, due_at, created_on,
                         created_by, modified_on, modified_by, owner, completed_on, runner_id)
VALUES (randomblob(16), 1, 1, 'job', :state, :status, :reason, 'run', 0, 0, 1, 0, 1, 1, :completed_on, :runner_id)
"""


def accepts(database: apsw.Connection, state: int, status: int, reason: str | None) -> int | None:
    """The sequence of a system job in that state, None if the database refuses it."""
    held = state == State.LOCKED or (state == State.SUSPENDED and reason in (Reason.PAUSED, Reason.CANCELING))
    values = {
        "state": state,
        "status": status,
        "reason": reason,
        "completed_on": 0 if state == State.COMPLETED else None,
        "runner_id": "r" if held else None,
    }
    try:
        database.execute(INSERT, values)
    except apsw.ConstraintError:
        return None
    return database.last_insert_rowid()


def test_the_database_takes_the_states_of_the_model_and_no_others(database: apsw.Connection) -> None:
    legal = {(s.state.value, s.value, r) for s in Status for r in REASONS[s] or {None}}
    tried = [
        (state, status, reason)
        for state in range(-1, 5)
        for status in range(-1, 34)
        for reason in [None, "", "unknown", *Reason]
    ]
    assert legal <= set(tried)
    assert {one for one in tried if accepts(database, *one) is not None} == legal


def test_the_database_allows_the_moves_of_the_model_and_no_others(database: apsw.Connection) -> None:
    example = {state: next(s for s in Status if s.state is state) for state in State}
    reason = {status: min(REASONS[status], default=None) for status in Status}

    def moves(a: State, b: State) -> bool:
        sequence = accepts(database, a, example[a], reason[example[a]])
        held = b is State.LOCKED or reason[example[b]] in (Reason.PAUSED, Reason.CANCELING)
        try:
            database.execute(
                "UPDATE system_jobs SET state = ?, status = ?, reason = ?, completed_on = ?, runner_id = ? "
                "WHERE sequence = ?",
                (
                    b,
                    example[b],
                    reason[example[b]],
                    0 if b is State.COMPLETED else None,
                    "r" if held else None,
                    sequence,
                ),
            )
        except apsw.ConstraintError as error:
            assert "not a legal move" in str(error)
            return False
        return True

    assert {(a, b) for a in State for b in State if moves(a, b)} == {(a, b) for a in State for b in MOVES[a]}


def test_the_examples_run_in_the_order_of_reading(
    jobctl: Jobctl, daemon: StartDaemon, environment: dict[str, str], tmp_path: Path
) -> None:
    place = tmp_path / "place"
    tools = tmp_path / "bin"
    place.mkdir()
    tools.mkdir()
    command = tools / "jobctl"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m jobctl "$@"\n')
    command.chmod(0o755)
    environment["PATH"] = f"{tools}:{environment['PATH']}"
    daemon()
    for language, text in re.findall(r"^```(sh|python)$\n(.*?)^```$", README, re.MULTILINE | re.DOTALL):
        name = re.match(r"# (\w+\.py)\n", text)
        if name:
            (place / name[1]).write_text(text)
            continue
        run = ["sh", "-eu", "-c", text] if language == "sh" else [sys.executable, "-c", text]
        done = subprocess.run(run, cwd=place, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr


def test_there_are_examples_to_run() -> None:
    assert len(blocks("sh")) >= 4
