"""The floors' connection: jobctl's engine, WAL, every commit on the disk."""

from __future__ import annotations

from pathlib import Path

import apsw

SETTINGS = "apsw, WAL, synchronous=FULL"


def open_full(path: Path, schema: str = "") -> apsw.Connection:
    """Raises RuntimeError if the engine does not do as told: the settings are what the floor stands for."""
    connection = apsw.Connection(str(path))
    connection.setbusytimeout(5000)
    connection.pragma("journal_mode", "WAL")
    connection.pragma("synchronous", "FULL")
    connection.execute(schema).fetchall()
    found = (connection.pragma("journal_mode"), connection.pragma("synchronous"))
    if found != ("wal", 2):
        raise RuntimeError(f"the floor's connection has journal_mode, synchronous = {found}")
    return connection
