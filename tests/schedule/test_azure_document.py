"""The documents of Azure recurrences: what is accepted, what is refused and with which words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobctl.errors import BadInput
from jobctl.schedule import own_terms
from jobctl.schedule.azure import read
from tests.schedule.azure_oracle import NAMES, azure

NOW = datetime(2015, 3, 1, 8, tzinfo=UTC)


def instant(*numbers: int) -> datetime:
    return datetime(*numbers, tzinfo=UTC)  # type: ignore[arg-type,misc]


def month(**schedule: Any) -> dict[str, Any]:
    return {"recurrence": {"frequency": "month", "schedule": schedule}}


def day(**schedule: Any) -> dict[str, Any]:
    return {"recurrence": {"frequency": "day", "schedule": schedule}}


def every(frequency: Any, **others: Any) -> dict[str, Any]:
    return {"recurrence": {"frequency": frequency, **others}}


def test_a_document_becomes_a_spec_with_its_frequency_in_lower_case() -> None:
    text = '{"startTime": "2015-04-07T14:00Z", "recurrence": {"frequency": "Week", "schedule": {"weekDays": "Friday"}}}'
    recurrence = {"frequency": "week", "schedule": {"weekDays": "Friday"}}
    assert read(text) == {"notation": "azure", "startTime": "2015-04-07T14:00Z", "recurrence": recurrence}
    assert read("{}") == {"notation": "azure"}


def test_a_recurrence_alone_is_one_without_a_start() -> None:
    assert read('{"frequency": "DAY", "interval": 2}') == read('{"recurrence": {"frequency": "day", "interval": 2}}')
    assert read('\ufeff{"frequency": "day"}') == read('{"frequency": "day"}')


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2013-01-09T09:30:00-08:00", instant(2013, 1, 9, 17, 30)),
        ("2012-08-04T00:00Z", instant(2012, 8, 4)),
        ("2012-08-04T06:05", instant(2012, 8, 4, 6, 5)),
        ("2012-08-04 06:05", instant(2012, 8, 4, 6, 5)),
        ("2012-08-04T06:05:07", instant(2012, 8, 4, 6, 5, 7)),
        ("2012-08-04T06:05:07.0000000Z", instant(2012, 8, 4, 6, 5, 7)),
        ("2012-08-04T06:05:07.25+02:00", instant(2012, 8, 4, 4, 5, 8)),
        ("2012-08-04", instant(2012, 8, 4)),
        ("1970-01-01", instant(1970, 1, 1)),
    ],
)
def test_u20_start_times(start: str, expected: datetime) -> None:
    for zone in (None, "Europe/Madrid"):
        own = own_terms(read(json.dumps({"startTime": start, **every("day")})), zone)
        assert (own.start, own.time_zone) == (expected, "UTC")


def test_the_terms_a_document_sets_itself() -> None:
    own = own_terms(read(json.dumps(every("day", endTime="2012-11-04"))), None)
    assert (own.start, own.end, own.count, own.time_zone, own.catch_up) == (
        None,
        instant(2012, 11, 4),
        None,
        "UTC",
        "none",
    )
    assert own_terms(read(json.dumps(every("day", count=10))), None).count == 10
    once = own_terms(read('{"startTime": "2012-08-04"}'), None)
    assert (once.start, once.end, once.count, once.time_zone, once.catch_up) == (
        instant(2012, 8, 4),
        None,
        None,
        "UTC",
        None,
    )


@pytest.mark.parametrize(
    ("frequency", "most"), [("minute", 1000), ("hour", 1000), ("day", 548), ("week", 78), ("month", 18)]
)
def test_d14_intervals_end_where_each_frequency_does(frequency: str, most: int) -> None:
    for interval in (1, most):
        assert azure(every(frequency, interval=interval), NOW).first(NOW) == NOW
    for interval in (0, -1, most + 1, 10**30):
        reason = rf"recurrence\.interval cannot be {interval}; with frequency {frequency} it .* from 1 to {most}$"
        with pytest.raises(BadInput, match=reason):
            azure(every(frequency, interval=interval), NOW)


@pytest.mark.parametrize(
    "document",
    [
        day(minutes=[0, 59], hours=[0, 23]),
        day(minutes=0, hours=23),
        day(),
        every("day", count=1),
        every("day", count=2**63 - 1),
        every("week", schedule={"weekDays": NAMES}),
        every("week", schedule={"weekDays": "SUNDAY"}),
        month(monthDays=[1, 31, -1, -31]),
        month(monthlyOccurrences=[{"day": "Monday"}, {"day": "friday", "occurrence": 5}]),
        month(monthlyOccurrences=[{"day": "friday", "occurrence": number} for number in (1, -1, -5)]),
        every("minute", schedule={"minutes": [5], "hours": [5]}),
        every("hour", schedule={"minutes": [5], "hours": [5, 6, 7, 8]}),
    ],
)
def test_the_edges_of_what_is_accepted(document: dict[str, Any]) -> None:
    assert azure(document, NOW).first(NOW) == NOW


FRIDAY = {"day": "friday"}
REFUSED = [
    ("D10", every("year"), 'recurrence.frequency cannot be "year"; it is one of minute, hour, day, week or month; '),
    ("D10 hint", every("Year"), "every year is month with interval 12"),
    ("D12", every("day", count=1, endTime="2020-01-01"), "recurrence has both count and endTime"),
    ("D15", day(hours=[0, 24]), "recurrence.schedule.hours[1] cannot be 24; an hour is a whole number from 0 to 23"),
    ("D16", month(months=[1]), 'recurrence.schedule has no element "months"; months come from frequency month'),
    ("D22 frequency", every("monthly"), "; write month"),
    ("D22 minute", day(minute=[1]), "recurrence.schedule has no element \"minute\"; did you mean 'minutes'?"),
    ("D22 hour", day(hour=[1]), "did you mean 'hours'?"),
    ("D23", month(weekNumber=1), 'recurrence.schedule has no element "weekNumber"'),
    (
        "U21 zero",
        month(monthlyOccurrences=[{**FRIDAY, "occurrence": 0}]),
        "monthlyOccurrences[0].occurrence cannot be 0",
    ),
    ("U21 six", month(monthlyOccurrences=[{**FRIDAY, "occurrence": 6}]), "it is 1 to 5, -1 to -5"),
    (
        "U21 minus six",
        month(monthlyOccurrences=[FRIDAY, {**FRIDAY, "occurrence": -6}]),
        "monthlyOccurrences[1].occurrence",
    ),
    ("U22 empty", day(hours=[]), "recurrence.schedule.hours is empty; name at least one, or leave it out"),
    ("U22 empty days", every("week", schedule={"weekDays": []}), "recurrence.schedule.weekDays is empty"),
    ("U22 eight", every("week", schedule={"weekDays": [*NAMES, "monday"]}), "weekDays has 8 entries; it has at most 7"),
    (
        "U26",
        {"startTime": "2015-03-02", **every("day", endTime="2015-03-01")},
        'endTime "2015-03-01" lies before startTime',
    ),
    ("U39", {"recurrence": {"Frequency": "day"}}, "recurrence has no element \"Frequency\"; did you mean 'frequency'?"),
    ("year of an element", every("month", schedule={"year": 1}), 'has no element "year"'),
    ("second", every("second"), "as every 30s"),
    ("seconds", day(seconds=[1]), "occurrences carry the seconds of startTime"),
    ("other frequency", every("wek"), "did you mean 'week'?"),
    ("Kelvin sign", every("wee\u212a"), "it is one of minute"),
    (
        "no frequency",
        {"recurrence": {}},
        "recurrence.frequency is missing; it is one of minute, hour, day, week or month",
    ),
    ("frequency number", every(1), "recurrence.frequency cannot be 1"),
    ("frequency null", every(None), "recurrence.frequency cannot be null"),
    ("week days with day", day(weekDays=["monday"]), "weekDays goes with frequency week, not with day"),
    ("week days with month", month(weekDays=["monday"]), "weekDays goes with frequency week, not with month"),
    (
        "month days with week",
        every("week", schedule={"monthDays": 1}),
        "monthDays goes with frequency month, not with week",
    ),
    ("month days with day", day(monthDays=[1]), "monthDays goes with frequency month, not with day"),
    ("month days with hour", every("hour", schedule={"monthDays": 1}), "goes with frequency month, not with hour"),
    ("occurrences with week", every("week", schedule={"monthlyOccurrences": [FRIDAY]}), "not with week"),
    ("occurrences with minute", every("minute", schedule={"monthlyOccurrences": [FRIDAY]}), "not with minute"),
    ("month day 0", month(monthDays=[1, 0]), "recurrence.schedule.monthDays[1] cannot be 0; a day of the month is"),
    ("month day 32", month(monthDays=32), "recurrence.schedule.monthDays cannot be 32"),
    ("month day -32", month(monthDays=[-32]), "monthDays[0] cannot be -32"),
    ("minute 60", day(minutes=60), "recurrence.schedule.minutes cannot be 60; a minute is a whole number from 0 to 59"),
    ("minute -1", day(minutes=[-1]), "minutes[0] cannot be -1"),
    ("hour -1", day(hours=-1), "hours cannot be -1"),
    ("weekday", every("week", schedule={"weekDays": ["mon"]}), 'weekDays[0] cannot be "mon"; it is one of monday, '),
    ("weekday number", every("week", schedule={"weekDays": 1}), "weekDays cannot be 1"),
    ("no day", month(monthlyOccurrences=[{"occurrence": 1}]), "monthlyOccurrences[0].day is missing"),
    ("wrong day", month(monthlyOccurrences=[{"day": "fridays"}]), "monthlyOccurrences[0].day cannot be"),
    ("an occurrence alone", month(monthlyOccurrences=FRIDAY), "monthlyOccurrences cannot be an object; it is an array"),
    (
        "a name as occurrence",
        month(monthlyOccurrences=["friday"]),
        'monthlyOccurrences[0] cannot be "friday"; it is an object',
    ),
    ("more in an occurrence", month(monthlyOccurrences=[{**FRIDAY, "week": 1}]), 'has no element "week"; it has day'),
    ("count 0", every("day", count=0), "recurrence.count cannot be 0; it is a whole number from 1"),
    ("count true", every("day", count=True), "recurrence.count cannot be true"),
    ("count too large", every("day", count=2**63), "recurrence.count cannot be"),
    ("interval 1.0", every("day", interval=1.0), "recurrence.interval cannot be 1.0"),
    ("interval 1.5", every("day", interval=1.5), "recurrence.interval cannot be 1.5"),
    ("interval text", every("day", interval="1"), 'recurrence.interval cannot be "1"'),
    ("interval null", every("day", interval=None), "recurrence.interval cannot be null"),
    ("hours true", day(hours=True), "hours cannot be true"),
    ("hours text", day(hours="5"), 'hours cannot be "5"'),
    ("hours within", day(hours=[[5]]), "hours[0] cannot be an array"),
    (
        "schedule array",
        every("day", schedule=[]),
        "recurrence.schedule cannot be an array; it is an object with minutes, ",
    ),
    ("schedule null", every("day", schedule=None), "recurrence.schedule cannot be null"),
    ("recurrence text", {"recurrence": "day"}, 'recurrence cannot be "day"; it is an object with frequency'),
    ("recurrence null", {"recurrence": None}, "recurrence cannot be null"),
    ("array", [], "the document cannot be an array; it is an object with startTime and recurrence"),
    ("number", 5, "the document cannot be 5"),
    ("action", {"action": {}}, 'the document has no element "action"; what runs is the job\'s own command'),
    ("state", {"state": "enabled", **every("day")}, "disabled by ending it"),
    ("properties", {"properties": every("day")}, "give what it holds, startTime and recurrence"),
    ("notation", {"notation": "azure"}, 'the document has no element "notation"; it has startTime and recurrence'),
    (
        "hours in recurrence",
        every("day", hours=[5]),
        'recurrence has no element "hours"; it belongs in recurrence.schedule',
    ),
    ("start in recurrence", every("day", startTime="2015-01-01"), "it belongs at the top of the document"),
    (
        "recurrence beside start",
        {"startTime": "2015-01-01", "frequency": "day"},
        '"frequency"; it belongs in recurrence',
    ),
    ("start text", {"startTime": "tomorrow"}, 'startTime cannot be "tomorrow"; write a date and time of 1970 to 9999'),
    ("start number", {"startTime": 1428415200}, "startTime cannot be 1428415200"),
    ("start null", {"startTime": None}, "startTime cannot be null"),
    ("start impossible", {"startTime": "2015-02-29"}, 'startTime cannot be "2015-02-29"'),
    ("start hour 24", {"startTime": "2015-02-28T24:00"}, "startTime cannot be"),
    ("start early", {"startTime": "1969-12-31T23:59:59Z"}, "of 1970 to 9999"),
    ("start digits", {"startTime": "２０１５-01-01"}, "startTime cannot be"),
    ("start with more digits", {"startTime": "2015-01-011"}, "startTime cannot be"),
    ("end text", every("day", endTime="never"), 'recurrence.endTime cannot be "never"'),
    ("nul", every("da\0y"), "it is one of minute"),
    ("long", every("y" * 3000), 'cannot be "' + "y" * 39 + "…"),
]


@pytest.mark.parametrize(("document", "reason"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_other_documents_are_refused_naming_the_element(document: Any, reason: str) -> None:
    with pytest.raises(BadInput) as refused:
        azure(document, NOW)
    assert reason in str(refused.value)
    assert len(str(refused.value)) < 250


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not valid JSON"),
        ("{'frequency': 'day'}", "not valid JSON"),
        ('{"frequency": "day", // every day\n "interval": 2}', "JSON has no comments"),
        ('{"frequency": "day", "interval": NaN}', "NaN is not a JSON number"),
        ('{"frequency": "day", "interval": -Infinity}', "-Infinity is not a JSON number"),
        ('{"frequency": "day", "interval": 1e999}', "recurrence.interval cannot be Infinity"),
        ('{"frequency": "day", "frequency": "week"}', 'the element "frequency" appears twice'),
        ('{"frequency": "day", "schedule": {"hours": [5], "hours": [6]}}', 'the element "hours" appears twice'),
        ('{"frequency": "day", "interval": ' + "9" * 5000 + "}", "a number has 5000 digits"),
        ('{"frequency": "day", "interval": ' + "[" * 30_000 + "]" * 30_000 + "}", "nested too deeply"),
        (" " * 70_000, "at most 65536 characters, not 70000"),
        ('{"startTime": "\\ud800"}', "startTime cannot be"),
    ],
)
def test_what_is_no_json_is_refused(text: str, reason: str) -> None:
    with pytest.raises(BadInput) as refused:
        read(text)
    assert reason in str(refused.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-40, 70) | st.floats() | st.text(max_size=5) | st.sampled_from(NAMES),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        "startTime": st.sampled_from(["2015-01-31", "2015-04-07T14:00Z", "9999-12-30T23:59:59.9Z"]) | JSON,
        "recurrence": st.fixed_dictionaries(
            {"frequency": st.sampled_from(["minute", "hour", "day", "week", "month"]) | JSON},
            optional={
                "interval": st.integers(1, 20) | JSON,
                "count": JSON,
                "endTime": st.sampled_from(["2020-01-01", "9999-12-30T23:59:59.9Z"]) | JSON,
                "schedule": st.dictionaries(
                    st.sampled_from(["minutes", "hours", "weekDays", "monthDays", "monthlyOccurrences", "other"]),
                    JSON | st.lists(st.fixed_dictionaries({"day": st.sampled_from(NAMES) | JSON}), max_size=2),
                    max_size=3,
                ),
            },
        )
        | JSON,
    },
)


@given(OBJECTS | JSON, st.sampled_from(["UTC", "Pacific/Kiritimati", "America/New_York"]))
@settings(max_examples=200, deadline=None)
def test_whatever_is_written_is_read_or_refused_in_one_sentence(document: Any, zone: str) -> None:
    try:
        schedule = azure(document, NOW, zone)
    except BadInput as error:
        assert "\n" not in str(error)
    else:
        assert schedule.first(NOW) is not None
        assert schedule.describe()
