"""RQ on the Redis of BENCH_REDIS_PORT."""

import os

from redis import Redis
from rq import Queue

from bench import work

queue = Queue(connection=Redis(port=int(os.environ["BENCH_REDIS_PORT"])))


def noop() -> None:
    queue.enqueue(work.noop)


def stamp(path: str, number: int) -> None:
    queue.enqueue(work.stamp, path, number)
