"""`next_after` beside croniter and dateutil at the same work."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from croniter import croniter
from dateutil.rrule import rrulestr

from bench.measure import Contestant, Figures, Run, Section
from bench.schedules import CALLS, NOW, ROUNDS, SPECS, TEN_YEARS_BACK, TODAY, ZONE, made, timed, walk

CRON = {name: str(spec["expression"]) for name, spec in SPECS.items() if spec["notation"] == "cron"}
WEEKDAYS = "BYDAY=MO,TU,WE,TH,FR"
AT_SIX = "BYHOUR=6;BYMINUTE=0;BYSECOND=0"
RULES = {
    "every 30s": "FREQ=SECONDLY;INTERVAL=30",
    "every 2 weeks": "FREQ=WEEKLY;INTERVAL=2",
    "every month": "FREQ=MONTHLY",
    "frequency weekdays 06:00": f"FREQ=WEEKLY;{WEEKDAYS};{AT_SIX}",
    "frequency last-fri": "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=6,18;BYMINUTE=0;BYSECOND=0",
    "frequency 30m weekdays": f"FREQ=MINUTELY;INTERVAL=30;{WEEKDAYS}",
    "quartz last Saturday": "FREQ=MONTHLY;BYDAY=-1SA;BYHOUR=16;BYMINUTE=0;BYSECOND=0",
    "quartz every second": "FREQ=SECONDLY",
    "rrule DAILY": "FREQ=DAILY;INTERVAL=3",
    "rrule BYDAY": "FREQ=MONTHLY;BYDAY=2TU,-1FR;BYHOUR=9;BYMINUTE=0;BYSECOND=0",
    "rrule BYSETPOS": f"FREQ=MONTHLY;{WEEKDAYS};BYSETPOS=-1",
    "rrule MINUTELY BYHOUR": "FREQ=MINUTELY;INTERVAL=15;BYHOUR=9,10",
    "azure every 2 days": "FREQ=DAILY;INTERVAL=2",
    "azure weekDays": "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;BYHOUR=5,17;BYMINUTE=0;BYSECOND=0",
    "azure monthlyOccurrences": "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=5;BYMINUTE=15;BYSECOND=0",
    "azure hour, minutes": "FREQ=HOURLY;INTERVAL=5;BYMINUTE=0,30;BYSECOND=0",
}
"""The rule of RFC 5545 that means the same, for dateutil."""

Step = Callable[[], object]


FEW = 10
"""Calls in a round of what is slow."""


def median(step: Step, rounds: int, calls: int = CALLS) -> float:
    """Microseconds a call; a step begins anew after so many calls, so that all rounds are alike."""
    timed(step, calls)
    return statistics.median(timed(step, calls) for _ in range(rounds))


def restarting(make: Callable[[], Callable[[], object]], calls: int = CALLS) -> Step:
    """A step of an iterator that is made anew after so many calls."""
    act, left = make(), calls

    def step() -> object:
        nonlocal act, left
        if not left:
            act, left = make(), calls
        left -= 1
        return act()

    return step


def _of_cron(expression: str) -> Step:
    local = NOW.astimezone(ZoneInfo(ZONE))
    return restarting(lambda: partial(croniter(expression, local).get_next, datetime))


def _after(text: str) -> Step:
    """dateutil's `after`, from occurrence to occurrence; the rule starts now, because it walks from its start."""
    naive = NOW.replace(tzinfo=None)
    rule = rrulestr(text, dtstart=naive)

    def make() -> Step:
        at = naive

        def go_on() -> object:
            nonlocal at
            at = rule.after(at) or naive
            return at

        return go_on

    return restarting(make, FEW)


def _iterating(text: str) -> Step:
    naive = NOW.replace(tzinfo=None)
    rule = rrulestr(text, dtstart=naive)
    return restarting(lambda: partial(next, iter(rule)))


def each(make: Callable[[str], Step], names: dict[str, str], calls: int = CALLS) -> Callable[[Run], Figures]:
    def measure(run: Run) -> Figures:
        return {name: median(make(text), 2 if run.short else ROUNDS, calls) for name, text in names.items()}

    return measure


def own(start: datetime) -> Callable[[Run], Figures]:
    def measure(run: Run) -> Figures:
        rounds = 2 if run.short else ROUNDS
        return {name: median(walk(made(spec, start)), rounds) for name, spec in SPECS.items()}

    return measure


ALL = tuple(SPECS)
NOTATIONS = Section(
    "next",
    "next_after",
    "µs a call",
    (
        Contestant("jobctl", "started today", own(TODAY), ALL),
        Contestant("jobctl-ten-years", "started ten years back", own(TEN_YEARS_BACK), ALL),
        Contestant("croniter", "get_next, iterating", each(_of_cron, CRON), tuple(CRON)),
        Contestant("dateutil", "after(), the rule starts now", each(_after, RULES, FEW), tuple(RULES)),
        Contestant("dateutil-iterating", "next(iter(rule)); keeps a place", each(_iterating, RULES), tuple(RULES)),
    ),
    more_is_better=False,
    repetitions=3,
)
