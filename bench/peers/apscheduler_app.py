"""APScheduler 3 with its SQLAlchemy job store on SQLite, in BENCH_DIRECTORY. `serve` is the process that runs jobs.

A job store is not told what another process adds, so the serving scheduler is woken by a job of its own every second,
as its documentation's readers do.
"""

import os
import sys
import time
from datetime import datetime

from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from bench import work

scheduler = BackgroundScheduler(
    jobstores={"default": SQLAlchemyJobStore(f"sqlite:///{os.environ['BENCH_DIRECTORY']}/jobs.db")},
    job_defaults={"misfire_grace_time": None},
)


def _start(paused: bool) -> None:
    if not scheduler.running:
        scheduler.start(paused=paused)


def noop() -> None:
    _start(paused=True)
    scheduler.add_job(work.noop)


def stamp(path: str, number: int) -> None:
    _start(paused=True)
    scheduler.add_job(work.stamp, args=(path, number))


def stamp_at(path: str, number: int, instant: datetime) -> None:
    """In the process that runs them: the others are not heard in time."""
    _start(paused=False)
    scheduler.add_job(work.stamp, "date", run_date=instant, args=(path, number))


def durability() -> str:
    """As the engine tells it of the job store's own connection."""
    _start(paused=True)
    with scheduler._jobstores["default"].engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"pragma {name}").scalar() for name in ("journal_mode", "synchronous")
        }
    return "journal_mode {journal_mode}, synchronous {synchronous}".format(**found)


def serve() -> None:
    _start(paused=False)
    scheduler.add_job(work.noop, IntervalTrigger(seconds=1))
    while True:
        time.sleep(60)


if __name__ == "__main__":
    sys.modules["bench.peers.apscheduler_app"] = sys.modules["__main__"]
    serve()
