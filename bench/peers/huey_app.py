"""Huey on SQLite, in BENCH_DIRECTORY; its connections keep SQLite's default, synchronous=FULL."""

import os

from huey import SqliteHuey

from bench import work

huey = SqliteHuey(
    filename=os.path.join(os.environ["BENCH_DIRECTORY"], "huey.db"), results=os.environ.get("BENCH_RESULTS") == "1"
)
noop = huey.task()(work.noop)
stamp = huey.task()(work.stamp)


def durability() -> str:
    """As the engine tells it of Huey's own connection."""
    found = {
        name: huey.storage.conn.execute(f"pragma {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
    }
    return "journal_mode {journal_mode}, synchronous {synchronous}".format(**found)
