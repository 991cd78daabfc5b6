"""What it costs to compute occurrences, per notation: `python -m bench.schedules [--json] [--check]`.

Two questions, each answered by a ratio within this run. Does a schedule that started ten years ago cost more than one
that starts today (it should not: at most 1.5 times)? And how does `next_after` compare with croniter and dateutil?
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from croniter import croniter
from dateutil.rrule import rrulestr

from jobctl.schedule import Schedule, build

ZONE = "Europe/Madrid"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
TODAY = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
TEN_YEARS_BACK = datetime(2016, 11, 21, 3, 0, tzinfo=UTC)
ROUNDS = 25
CALLS = 100
LIMIT = 1.5

SPECS: dict[str, dict[str, object]] = {
    "every 30s": {"notation": "every", "every": "30s"},
    "every 2 weeks": {"notation": "every", "every": "2 weeks"},
    "every month": {"notation": "every", "every": "month"},
    "frequency weekdays 06:00": {"notation": "frequency", "every": "day", "on": "weekdays", "at": "06:00"},
    "frequency last-fri": {"notation": "frequency", "every": "month", "on": "last-fri", "at": "06:00,18:00"},
    "frequency 30m weekdays": {"notation": "frequency", "every": "30m", "on": "weekdays"},
    "cron 0 3 * * mon-fri": {"notation": "cron", "expression": "0 3 * * mon-fri"},
    "cron */5 * * * *": {"notation": "cron", "expression": "*/5 * * * *"},
    "cron 0 0 29 2 *": {"notation": "cron", "expression": "0 0 29 2 *"},
    "quartz last Saturday": {"notation": "quartz", "expression": "0 0 16 ? * 7L *"},
    "quartz every second": {"notation": "quartz", "expression": "* * * * * ?"},
    "rrule DAILY": {"notation": "rrule", "rule": "FREQ=DAILY;INTERVAL=3;"},
    "rrule BYDAY": {"notation": "rrule", "rule": "FREQ=MONTHLY;BYDAY=2TU,-1FR;BYHOUR=9;BYMINUTE=0;BYSECOND=0"},
    "rrule BYSETPOS": {"notation": "rrule", "rule": "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"},
    "rrule MINUTELY BYHOUR": {"notation": "rrule", "rule": "FREQ=MINUTELY;INTERVAL=15;BYHOUR=9,10"},
    "azure every 2 days": {"notation": "azure", "recurrence": {"frequency": "day", "interval": 2}},
    "azure weekDays": {
        "notation": "azure",
        "recurrence": {"frequency": "week", "interval": 2, "schedule": {"weekDays": ["monday"], "hours": [5, 17]}},
    },
    "azure monthlyOccurrences": {
        "notation": "azure",
        "recurrence": {
            "frequency": "month",
            "schedule": {"monthlyOccurrences": [{"day": "friday", "occurrence": -1}], "hours": [5], "minutes": [15]},
        },
    },
    "azure hour, minutes": {
        "notation": "azure",
        "recurrence": {"frequency": "hour", "interval": 5, "schedule": {"minutes": [0, 30]}},
    },
}


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds, the median of the rounds."""

    build: float
    next_after: float


def made(spec: dict[str, object], start: datetime) -> Schedule:
    return build(spec, time_zone=ZONE, start=start, end=None, anchor=NOW)


def timed(act: Callable[[], object], calls: int) -> float:
    began = time.perf_counter()
    for _ in range(calls):
        act()
    return (time.perf_counter() - began) / calls * 1e6


def walk(schedule: Schedule) -> Callable[[], object]:
    """Each call goes on to the next occurrence; after a round of them it begins anew, so that all rounds are alike."""
    at, left = NOW, CALLS

    def step() -> object:
        nonlocal at, left
        at, left = schedule.next_after(at) or NOW, left - 1
        if not left:
            at, left = NOW, CALLS
        return at

    return step


def compare(spec: dict[str, object]) -> tuple[Cost, Cost]:
    """Today's start and the one ten years back, measured in turn."""
    starts = (TODAY, TEN_YEARS_BACK)
    schedules = [made(spec, start) for start in starts]
    steps = [walk(schedule) for schedule in schedules]
    for step in steps:
        timed(step, CALLS)
    built: list[list[float]] = [[], []]
    stepped: list[list[float]] = [[], []]
    for _ in range(ROUNDS):
        for index, start in enumerate(starts):
            built[index].append(timed(partial(made, spec, start), 5))
            stepped[index].append(timed(steps[index], CALLS))
    costs = [Cost(statistics.median(b), statistics.median(s)) for b, s in zip(built, stepped, strict=True)]
    return costs[0], costs[1]


def references() -> Iterator[tuple[str, float]]:
    """croniter and dateutil at the same work, iterating as their users do."""
    local = NOW.astimezone(ZoneInfo(ZONE))
    for expression in ("0 3 * * mon-fri", "*/5 * * * *", "0 0 29 2 *"):
        samples = []
        for _ in range(ROUNDS):  # each round anew from now, as above
            iterator = croniter(expression, local)
            samples.append(timed(partial(iterator.get_next, datetime), CALLS))
        yield f"croniter {expression}", statistics.median(samples)
    naive = NOW.replace(tzinfo=None)
    for text in ("FREQ=DAILY;INTERVAL=3", "FREQ=MONTHLY;BYDAY=2TU,-1FR;BYHOUR=9;BYMINUTE=0;BYSECOND=0"):
        rule = rrulestr(text, dtstart=naive - timedelta(days=3652))
        samples = [timed(partial(rule.after, naive), 3) for _ in range(ROUNDS)]
        yield f"dateutil {text[:28]}, after(), start ten years back", statistics.median(samples)


def main() -> int:
    found = []
    print(f"{'notation':28} {'build µs':>9} {'ten years':>9} {'ratio':>6} {'next µs':>9} {'ten years':>9} {'ratio':>6}")
    for name, spec in SPECS.items():
        today, back = compare(spec)
        ratios = (back.build / today.build, back.next_after / today.next_after)
        found.append({"notation": name, "build": ratios[0], "next_after": ratios[1], "microseconds": today.next_after})
        numbers = (
            f"{today.build:9.1f} {back.build:9.1f} {ratios[0]:6.2f} {today.next_after:9.1f} {back.next_after:9.1f}"
        )
        print(f"{name:28} {numbers} {ratios[1]:6.2f}")
    for name, cost in references():
        print(f"{name:78} {cost:9.1f}")
    worst = max(max(float(str(row["build"])), float(str(row["next_after"]))) for row in found)
    print(f"worst ratio {worst:.2f}, at most {LIMIT} is wanted")
    if "--json" in sys.argv:
        print(json.dumps(found))
    return int("--check" in sys.argv and worst > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
