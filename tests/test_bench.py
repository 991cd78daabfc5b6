"""The benchmark's pure parts: statistics, judgement, table, document, plots. No time is measured or judged here."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import plots, readme, report
from bench.measure import Contestant, Figures, Result, Results, Run, Section, Skip, in_turn, measure, spread
from bench.plans import scans_history
from bench.sections import SECTIONS
from bench.targets import TARGETS, Target, judge


def made(**samples: float) -> Result:
    return Result("", {name: [value] for name, value in samples.items()})


def results(**rates: float) -> Results:
    return {"callables": {name: made(per_second=rate) for name, rate in rates.items()}}


def target(limit: float, *references: str, at_least: bool = True) -> Target:
    return Target("callables", "no-ops", "jobctl", ("per_second",), limit, at_least, references)


def run_in(directory: Path) -> Run:
    return Run(directory, True, 0.1, directory)


# What is measured


@pytest.mark.parametrize("wanted", TARGETS, ids=lambda wanted: f"{wanted.what} {wanted.words()}")
def test_every_target_has_a_measurement(wanted: Target) -> None:
    contestants = {one.name: one for one in SECTIONS[wanted.section].contestants}
    for name in (wanted.subject, *wanted.references):
        assert set(wanted.metrics) <= set(contestants[name].metrics)
    if wanted.rows:
        assert "rows" in contestants[wanted.subject].metrics


def test_contestants_of_a_section_have_names_of_their_own() -> None:
    for section in SECTIONS.values():
        assert len(section.names()) == len(section.contestants)


def test_contestants_take_turns_at_being_first() -> None:
    ones = [Contestant(name, "", lambda run: {}, ()) for name in "abc"]
    assert ["".join(one.name for one in in_turn(ones, repetition)) for repetition in range(4)] == [
        "abc",
        "bca",
        "cab",
        "abc",
    ]


def test_what_fails_or_is_missing_is_named_and_the_others_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    def breaks(run: Run) -> Figures:
        raise OSError("no such thing")

    def skips(run: Run) -> Figures:
        raise Skip("too old")

    section = Section(
        "callables",
        "",
        "",
        (
            Contestant("breaks", "", breaks, ("per_second",)),
            Contestant("skips", "", skips, ("per_second",)),
            Contestant("lacks", "", breaks, ("per_second",), lambda: "nq is not installed"),
            Contestant("works", "", lambda run: {"per_second": 2.0, "ms": [1.0, 2.0]}, ("per_second",)),
        ),
    )
    found = measure(section, 2, run_in)
    assert found["breaks"].skipped == "it failed: OSError: no such thing"
    assert found["skips"].skipped == "too old"
    assert found["lacks"].skipped == "nq is not installed"
    assert found["works"].samples == {"per_second": [2.0, 2.0]}
    assert found["works"].single == {"ms": [1.0, 2.0, 1.0, 2.0]}
    assert "callables: lacks is skipped: nq is not installed" in capsys.readouterr().err
    assert "| lacks      | –          | skipped" in report.figures(section, found)
    assert "- lacks:  (skipped: nq is not installed)" in report.figures(section, found)


def test_a_repetition_does_as_much_as_the_one_before_lets_expect(tmp_path: Path) -> None:
    run = replace(run_in(tmp_path), seconds=3.0)
    assert run.amount("callables.jobctl", 500) == 1500
    run.rates["callables.jobctl"] = 20_000.0
    assert run.amount("callables.jobctl", 500) == 60_000
    assert run.amount("callables.jobctl", 500, most=1000) == 1000


# Statistics and judgement


def test_percentiles_lie_between_neighbours() -> None:
    assert spread([float(value) for value in range(101)]) == {"p50": 50.0, "p99": 99.0}
    assert spread([7.0]) == {"p50": 7.0, "p99": 7.0}
    assert spread([1.0, 2.0])["p50"] == 1.5


def test_the_best_of_several_references_counts() -> None:
    verdict = judge(target(5, "huey", "huey-thread"), results(jobctl=50.0, huey=5.0, **{"huey-thread": 20.0}))
    assert (verdict.ratio, verdict.met, verdict.reference) == (2.5, False, 20.0)
    least = judge(target(2, "huey", "rq", at_least=False), results(jobctl=30.0, huey=10.0, rq=20.0))
    assert (least.ratio, least.met) == (3.0, False)


def test_a_target_is_met_exactly_at_its_limit() -> None:
    assert judge(target(5, "huey"), results(jobctl=25.0, huey=5.0)).met is True
    assert judge(target(5, "huey"), results(jobctl=24.9, huey=5.0)).met is False


def test_the_worst_of_several_metrics_counts() -> None:
    of = Target("next", "next_after", "jobctl", ("a", "b", "c"), 1.25, False, ("croniter",))
    found = {"next": {"jobctl": made(a=1.0, b=9.0, c=1.0), "croniter": made(a=2.0, b=3.0, c=4.0)}}
    verdict = judge(of, found)
    assert (verdict.metric, verdict.ratio, verdict.met) == ("b", 3.0, False)


def test_without_references_the_value_itself_counts() -> None:
    assert judge(target(4, at_least=False), results(jobctl=0.0)).met is True
    assert judge(target(4, at_least=False), results(jobctl=4.5)).met is False


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    missing: Results = {"callables": {"jobctl": made(per_second=5.0), "rq": Result("", skipped="redis is missing")}}
    verdict = judge(target(1, "rq"), missing)
    assert (verdict.met, verdict.why) == (None, "redis is missing")
    assert judge(target(1, "rq"), {}).met is None


def test_a_target_for_a_million_rows_is_not_judged_by_fewer() -> None:
    of = Target("scale", "monitor", "ready", ("monitor",), 1.5, False, ("empty",), 1_000_000)
    few: Results = {"scale": {"ready": made(monitor=1.0, rows=2000.0), "empty": made(monitor=1.0, rows=50.0)}}
    assert judge(of, few).why == "measured with 2,000 rows, not 1,000,000"
    few["scale"]["ready"].samples["rows"] = [1_000_050.0]
    assert judge(of, few).met is True


# Table and document


def test_numbers_have_three_digits_that_mean_something() -> None:
    shown = [report.number(value) for value in (None, 0.0, 0.00012, 0.0123456, 1.23456, 98.76, 1234567.8)]
    assert shown == ["–", "0", "1.2e-04", "0.0123", "1.23", "98.8", "1,234,568"]


def test_the_table_says_what_is_met_what_is_not_and_what_was_not_measured() -> None:
    text = report.targets(results(jobctl=20_000.0, huey=2000.0, **{"huey-results": 5000.0}))
    lines = [line for line in text.splitlines() if "no-op callables" in line]
    assert lines[0].split("|")[2:-1] != lines[1].split("|")[2:-1]
    assert [cell.strip() for cell in lines[0].split("|")][2:8] == [
        "≥ 5 × huey, huey-thread",
        "20,000",
        "20,000 – 20,000",
        "2,000",
        "10",
        "yes",
    ]
    assert [cell.strip() for cell in lines[1].split("|")][6:8] == ["4", "no"]
    assert "not measured: no reference" in lines[2]
    assert len({len(line) for line in text.splitlines()}) == 1


def test_a_short_run_judges_nothing() -> None:
    text = report.targets(results(jobctl=1.0, huey=2.0), short=True)
    assert " yes " not in text and " no " not in text
    assert text.count("not judged: a short run") == sum(wanted.section == "callables" for wanted in TARGETS)


def test_documents_of_several_runs_become_one(tmp_path: Path) -> None:
    first, second = results(jobctl=10.0, huey=5.0), results(jobctl=30.0)
    second["callables"]["huey"] = Result("", skipped="huey is not installed")
    path = tmp_path / "bench.json"
    path.write_text(json.dumps(report.document(first, {"python": "3.11"})))
    found, about = report.read(path)
    report.merge(found, second)
    assert about == {"python": "3.11"}
    assert found["callables"]["jobctl"].samples == {"per_second": [10.0, 30.0]}
    assert (found["callables"]["huey"].median("per_second"), found["callables"]["huey"].skipped) == (5.0, None)
    path.write_text('{"schema": 99}')
    with pytest.raises(ValueError, match="not a document of bench"):
        report.read(path)


def test_the_section_of_the_readme_has_what_was_measured_and_no_more() -> None:
    found = results(jobctl=17_000.0, huey=6000.0, **{"floor-pipes-100": 150_000.0, "rq": 500.0})
    found["callables"]["celery"] = Result("", skipped="missing")
    text = readme.section(found, {"python": "3.11", "packages": {"huey": "3.5"}})
    (line,) = [line for line in text.splitlines() if line.startswith("| no-op callables")]
    cells = [cell.strip() for cell in line.split("|")][2:5]
    assert cells == [
        "**17,000**",
        "Huey 6,000, RQ ° 500",
        "150,000 (daemon and 2 processes over pipes, batches of 100)",
    ]
    assert "submission" not in text and "huey 3.5" in text


# Plans


@pytest.mark.parametrize(
    ("line", "sql", "history"),
    [
        ("SCAN system_jobs", "SELECT count(*) FROM system_jobs", True),
        ("SCAN s USING INDEX system_jobs_claimable", "SELECT 1 FROM system_jobs AS s", True),
        ("SEARCH s USING INTEGER PRIMARY KEY (rowid=?)", "SELECT 1 FROM system_jobs AS s", False),
        ("SCAN j", "SELECT 1 FROM jobs AS j", False),
        ("SCAN json_each VIRTUAL TABLE INDEX 1:", "SELECT 1 FROM json_each('[]')", False),
    ],
)
def test_scans_of_history_are_told_from_others(line: str, sql: str, history: bool) -> None:
    assert scans_history(line, sql) is history


# Plots


def test_grids_have_round_values() -> None:
    assert plots.steps(3127.0) == [0, 1000, 2000, 3000, 4000]
    assert plots.steps(0.9) == [0, 0.25, 0.5, 0.75, 1.0]
    assert plots.decades(0.3, 45.0) == pytest.approx([0.1, 1, 10, 100])


def test_places_follow_a_logarithmic_scale() -> None:
    place = plots.scale(1, 100, 0, 200, log=True)
    assert [place(1), place(10), place(100), place(1000)] == pytest.approx([0, 100, 200, 200])
    assert math.isclose(plots.scale(0, 10, 50, 0)(5), 25)


def test_plots_are_drawn_of_what_there_is(tmp_path: Path) -> None:
    found: Results = {
        "slots": {f"callables-{slots}": made(per_second=100.0 * slots) for slots in (1, 2, 4)},
        "latency": {
            "jobctl": Result("", single={"ms": [1.0, 2.0, 30.0]}),
            "floor-datagram": Result("", single={"ms": [0.5]}),
            "nq <&>": Result("", single={"ms": [3.0]}),
            "celery": Result("", skipped="missing"),
        },
        "scale": {"empty": made(monitor=50.0, rows=50.0), "ready": made(monitor=60.0, rows=1e6)},
    }
    written = plots.write(found, tmp_path / "plots")
    assert [path.name for path in written] == [
        "throughput-by-slots.svg",
        "latency-distribution.svg",
        "cost-by-size.svg",
    ]
    texts = []
    for path in written:
        root = ElementTree.fromstring(path.read_text())
        texts.append({element.text for element in root.iter("{http://www.w3.org/2000/svg}text")})
    assert "jobctl, callables" in texts[0]
    assert {"jobctl", "floor-datagram", "nq <&>"} <= texts[1] and "celery" not in texts[1]
    assert "1,000,000 ready" in texts[2]
