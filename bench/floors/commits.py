"""Floors of submitting: what SQLite takes for a row, through apsw as jobctl does it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from bench.floors.engine import open_full
from bench.own import Home
from jobctl.database import SQL, statements
from jobctl.rows import PLAIN

BATCH = 1000
"""Rows of a commit."""


def bare(directory: Path, rows: int) -> float:
    """One small row a commit, WAL and synchronous=FULL; commits a second."""
    connection = open_full(directory / "bare.db", "CREATE TABLE t (id INTEGER PRIMARY KEY, data TEXT)")
    execute = connection.cursor().execute
    began = time.perf_counter()
    for number in range(rows):
        execute("BEGIN IMMEDIATE")
        execute("INSERT INTO t (data) VALUES (?)", (f'{{"n": {number}}}',))
        execute("COMMIT")
    return rows / (time.perf_counter() - began)


def row_of(home: Home) -> dict[str, Any]:
    """The values of a system job as jobctl submits it, by column."""
    home.drive("submit", 1)
    with home.store() as store:
        names = [row[1] for row in store.database.connection.execute("PRAGMA table_info(system_jobs)")]
        ((*values,),) = store.database.connection.execute("SELECT * FROM system_jobs ORDER BY sequence DESC LIMIT 1")
    return dict(zip(names, values, strict=True))


def same_row(directory: Path, rows: int) -> float:
    """jobctl's own row into its own table with its indexes, by its own statement and binding; a row a commit, FULL."""
    home = Home(directory)
    home.add_callables()
    row = row_of(home)
    lines = statements(SQL / "common.sql")["insert_plain"].splitlines()
    text = "\n".join(line.strip() for line in lines if not line.startswith("--"))
    values = [{**row, "now": row["created_on"], "actor": row["created_by"]}[name] for name in PLAIN]
    connection = open_full(home.path / "jobctl.db")
    execute = connection.cursor().execute
    began = time.perf_counter()
    for number in range(row["sequence"] + 1, row["sequence"] + 1 + rows):
        values[:2] = number, os.urandom(16)
        execute("BEGIN IMMEDIATE")
        execute(text, values)
        execute("COMMIT")
    seconds = time.perf_counter() - began
    connection.close()
    return rows / seconds


def executemany(directory: Path, rows: int) -> float:
    """The values of such a row into a table without index or constraint, a thousand a commit, FULL; rows a second."""
    home = Home(directory)
    home.add_callables()
    row = row_of(home)
    del row["sequence"]
    values = list(row.values())
    connection = open_full(directory / "bare.db", f"CREATE TABLE t (sequence INTEGER PRIMARY KEY, {', '.join(row)})")
    text = f"INSERT INTO t ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"
    began = time.perf_counter()
    for done in range(0, rows, BATCH):
        with connection:
            connection.executemany(text, [(os.urandom(16), *values[1:]) for _ in range(min(BATCH, rows - done))])
    seconds = time.perf_counter() - began
    connection.close()
    return rows / seconds
