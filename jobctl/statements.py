"""The statements by their names, as they stand in the files of `sql`, and the order of their parameters."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import Any

SQL = Path(__file__).parent / "sql"


def statements(path: Path) -> dict[str, str]:
    """The named statements of a file: each follows a line `-- name: …`."""
    found: dict[str, str] = {}
    for part in path.read_text(encoding="utf-8").split("-- name: ")[1:]:
        name, _, text = part.partition("\n")
        found[name.strip()] = text
    return found


@cache
def all_statements() -> dict[str, str]:
    """The named statements of all files."""
    return {name: text for file in sorted(SQL.glob("*.sql")) for name, text in statements(file).items()}


def migrations(directory: Path = SQL / "migrations") -> list[tuple[int, str]]:
    """The numbered migrations, in order."""
    files = sorted(directory.glob("[0-9]*.sql"))
    return [(int(file.name.split("_")[0]), file.read_text(encoding="utf-8")) for file in files]


def newest_migration(directory: Path) -> int:
    return max(int(name.split("_")[0]) for name in os.listdir(directory) if name[0].isdigit() and name.endswith(".sql"))


class Asked(dict[str, Any]):
    """Parameters that note which of them SQLite takes, one after the other."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        super().__init__(parameters)
        self.names: list[str] = []

    def __getitem__(self, name: str) -> Any:
        self.names.append(name)
        return super().__getitem__(name)

    def values_of(self) -> Callable[[Any], Any]:
        """What makes of parameters the sequence to bind."""
        if len(self.names) > 1:
            return itemgetter(*self.names)
        return lambda parameters: [parameters[name] for name in self.names]
