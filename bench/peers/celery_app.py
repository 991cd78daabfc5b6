"""Celery on the Redis of BENCH_REDIS_PORT, without a result backend, which is its default."""

import os
from datetime import datetime

from celery import Celery

from bench import work

app = Celery("bench", broker=f"redis://127.0.0.1:{os.environ['BENCH_REDIS_PORT']}/0")
_noop = app.task(name="noop")(work.noop)
_stamp = app.task(name="stamp")(work.stamp)


def noop() -> None:
    _noop.delay()


def stamp(path: str, number: int) -> None:
    _stamp.delay(path, number)


def stamp_at(path: str, number: int, instant: datetime) -> None:
    _stamp.apply_async((path, number), eta=instant)
