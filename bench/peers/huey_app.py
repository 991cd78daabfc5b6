"""Huey on SQLite, in BENCH_DIRECTORY; its connections keep SQLite's default, synchronous=FULL."""

import os

from huey import SqliteHuey

from bench import work

huey = SqliteHuey(
    filename=os.path.join(os.environ["BENCH_DIRECTORY"], "huey.db"), results=os.environ.get("BENCH_RESULTS") == "1"
)
noop = huey.task()(work.noop)
stamp = huey.task()(work.stamp)
