"""jobctl's library; the home and the jobs are made by bench.own."""

from datetime import datetime

import jobctl


def noop() -> None:
    jobctl.submit("noop")


def noops(items: list[object]) -> None:
    jobctl.submit_many("noop", items)


def stamp(path: str, number: int) -> None:
    jobctl.submit("stamp", data=[path, number])


def stamp_at(path: str, number: int, instant: datetime) -> None:
    jobctl.submit("stamp", data=[path, number], at=instant)
