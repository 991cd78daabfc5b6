"""Azure recurrences read in another zone than UTC: whose calendar counts, and what daylight saving does."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobctl.errors import BadInput
from tests.schedule.azure_oracle import at, azure, recurring
from tests.schedule.oracle import walk, walk_back

MADRID = "Europe/Madrid"  # 2026-03-29 from 02:00 to 03:00 and 2026-10-25 from 03:00 to 02:00, both at 01:00 UTC
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPRING, AUTUMN = (at("2026-03-28T12:00"), at("2026-03-30T12:00")), (at("2026-10-24T12:00"), at("2026-10-26T12:00"))
HALF_HOUR = timedelta(minutes=30)


def between(document: dict[str, Any], days: tuple[datetime, datetime]) -> list[str]:
    schedule = azure(document, NOW, MADRID)
    found = walk(schedule, *days)
    assert walk_back(schedule, *days) == found
    assert schedule.count_between(*days) == len(found)
    return [f"{instant:%m-%d %H:%M}" for instant in found]


@pytest.mark.parametrize(
    ("document", "spring", "autumn"),
    [
        (recurring("2026-01-01", "day", hours=2, minutes=30), "29 01:00, 30 00:30", "25 00:30, 26 01:30"),
        (
            recurring("2026-01-01", "week", weekDays=["sunday", "monday"], hours=2),
            "29 01:00, 30 00:00",
            "25 00:00, 26 01:00",
        ),
        (recurring("2026-01-01T01:30", "day"), "29 01:00, 30 00:30", "25 00:30, 26 01:30"),
        (recurring("2026-01-01T14:00", "day"), "28 14:00, 29 13:00", "24 13:00, 25 14:00"),
        (recurring("2026-01-01", "hour", hours=2, minutes=30), "30 00:30", "25 00:30, 25 01:30, 26 01:30"),
        (
            recurring("2026-01-01", "minute", 30, hours=[2]),
            "30 00:00, 30 00:30",
            "25 00:00, 25 00:30, 25 01:00, 25 01:30, 26 01:00, 26 01:30",
        ),
        (
            recurring("2026-01-01T05:00", "hour", 12, minutes=[0]),
            "28 17:00, 29 05:00, 29 17:00, 30 05:00",
            "24 17:00, 25 05:00, 25 17:00, 26 05:00",
        ),
        (
            recurring("2026-01-01T05:00", "hour", 12, hours=[6, 7, 19]),
            "29 05:00, 29 17:00, 30 05:00",
            "24 17:00, 25 05:00, 26 05:00",
        ),
    ],
)
def test_days_around_a_change(document: dict[str, Any], spring: str, autumn: str) -> None:
    assert between(document, SPRING) == [f"03-{each}" for each in spring.split(", ")]
    assert between(document, AUTUMN) == [f"10-{each}" for each in autumn.split(", ")]


@pytest.mark.parametrize(
    "schedule", [{"minutes": [0, 30]}, {"minutes": [0, 30], "hours": list(range(24))}], ids=["open", "all 24"]
)
@pytest.mark.parametrize("frequency", ["day", "hour"])
@pytest.mark.parametrize("days", [SPRING, AUTUMN])
def test_all_hours_keep_their_real_pace(
    schedule: dict[str, Any], frequency: str, days: tuple[datetime, datetime]
) -> None:
    found = walk(azure(recurring("2026-01-01", frequency, **schedule), NOW, MADRID), *days)
    assert found == [days[0] + number * HALF_HOUR for number in range(1, 97)]


def test_what_a_change_did_is_noted() -> None:
    schedule = azure(recurring("2026-01-01", "day", hours=2, minutes=30), NOW, MADRID)
    assert schedule.note(at("2026-03-29T01:00")) == "shifted out of the gap"
    assert schedule.note(at("2026-10-25T00:30")) == "once of two"
    assert schedule.note(at("2026-03-30T00:30")) == ""
    assert azure(recurring("2026-01-01", "hour", minutes=30), NOW, MADRID).note(at("2026-10-25T00:30")) == ""


def test_u29_the_start_is_utc_and_its_day_is_the_zones() -> None:
    sunday_in_utc = "2026-03-01T23:30"
    monday = azure(recurring(sunday_in_utc, "week", 1, minutes=[0], hours=[9]), NOW, MADRID)
    assert monday.first(NOW) == at("2026-03-02T08:00")
    second_day = azure(recurring("2026-03-31T23:30", "month", 1, minutes=[0], hours=[9]), NOW, MADRID)
    assert second_day.first(NOW) == at("2026-04-01T07:00")
    assert monday.describe() == "at 09:00 on Monday from 2026-03-02 00:30 Europe/Madrid"


def test_hours_that_a_zone_never_reads_are_refused_quickly() -> None:
    began = time.process_time()
    with pytest.raises(BadInput, match="every 24 hours from 19:00 never meets"):
        azure(recurring("2026-01-01", "hour", 24, hours=[9]), NOW, "America/New_York")
    assert time.process_time() - began < 0.05


def test_hours_of_summer_time_only() -> None:
    schedule = azure(recurring("2026-01-01", "hour", 24, hours=[20]), NOW, "America/New_York")
    assert schedule.first(NOW) == at("2026-03-09T00:00")
    assert schedule.last_before(at("2027-01-01T00:00")) == at("2026-11-01T00:00")
    assert schedule.last_before(at("2026-03-09T00:00")) is None
    assert schedule.count_between(NOW, at("2027-01-01T00:00")) == 238
