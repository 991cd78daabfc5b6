"""jobctl with every SQL statement noted: `python -m bench.traced FILE ARGUMENTS…`, for the plans and what they read.

Each line of FILE is a JSON object: `sql`, its bindings expanded, and `steps`, the rows a full scan walked over.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import apsw

SCANNED = "SQLITE_STMTSTATUS_FULLSCAN_STEP"


def main() -> None:
    from jobctl.cli import main as jobctl

    file = Path(sys.argv[1]).open("a", encoding="utf-8")  # noqa: SIM115

    def note(event: dict[str, Any]) -> None:
        if event["sql"].lstrip().upper().startswith(("PRAGMA", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")):
            return
        file.write(json.dumps({"sql": event["sql"], "steps": event["stmt_status"][SCANNED]}) + "\n")
        file.flush()

    def hook(connection: apsw.Connection) -> None:
        connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, note)

    apsw.connection_hooks.append(hook)
    sys.argv = ["jobctl", *sys.argv[2:]]
    jobctl()


if __name__ == "__main__":
    main()
