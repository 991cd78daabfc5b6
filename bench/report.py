"""The table and the JSON document of a run."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.measure import Result, Results, Section
from bench.targets import TARGETS, Verdict, judge

SCHEMA = 1


def number(value: float | None) -> str:
    """Three digits that mean something."""
    if value is None:
        return "–"
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 else f"{value:.1e}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table that Markdown understands and that lines up as text."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    lines.insert(1, ["-" * width for width in widths])
    padded = ([cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in padded) + "\n"


def targets(results: Results, short: bool = False) -> str:
    """Every target, what was measured, and whether it is met; those of sections that were not run are left out.

    A short run shows figures, and judges none.
    """
    rows = [row_of(judge(target, results)) for target in TARGETS if target.section in results]
    if short:
        rows = [(*row[:-1], "not judged: a short run") for row in rows]
    return table(("what", "target", "jobctl", "min – max", "reference", "ratio", "met"), rows)


def row_of(verdict: Verdict) -> tuple[str, ...]:
    target = verdict.target
    met = "yes" if verdict.met else "no" if verdict.met is not None else f"not measured: {verdict.why}"
    what = target.what if len(target.metrics) == 1 else f"{target.what}; worst: {verdict.metric}"
    ratio = number(verdict.ratio) if target.references else "–"
    extent = " – ".join(map(number, verdict.extent)) if verdict.extent else "–"
    return what, target.words(), number(verdict.own), extent, number(verdict.reference), ratio, met


def figures(section: Section, results: dict[str, Result]) -> str:
    """Every contestant of a section: median, least and greatest of the repetitions, and its ratio to the first."""
    first = next(iter(results.values()))
    rows = []
    for name, result in results.items():
        if result.skipped:
            rows.append((name, "–", "skipped", "", "", ""))
        for metric, samples in result.samples.items():
            base = first.median(metric)
            median = statistics.median(samples)
            ratio = number(median / base) if base else "–"
            extent = f"{number(min(samples))} – {number(max(samples))}"
            rows.append((name, metric, number(median), extent, ratio, str(len(samples))))
    head = ("contestant", "metric", "median", "min – max", "÷ first", "n")
    unit = f", {section.unit}" if section.unit else ""
    notes = [f"- {name}: {result.settings}" + skipped(result) for name, result in results.items()]
    return f"{section.title}{unit}\n\n{table(head, rows)}\n" + "\n".join(notes) + "\n"


def skipped(result: Result) -> str:
    return f" (skipped: {result.skipped})" if result.skipped else ""


def machine(found: dict[str, Any]) -> str:
    lines = []
    for name, value in found.items():
        words = ", ".join(f"{key} {text}" for key, text in value.items()) if isinstance(value, dict) else value
        lines.append(f"{name}: {words}")
    return "\n".join(lines) + "\n"


def whole(sections: dict[str, Section], results: Results, about: dict[str, Any], brief: bool = False) -> str:
    parts = [machine(about), targets(results, about.get("short", False))]
    if brief:
        return "\n".join(parts)
    parts += [figures(sections[name], found) for name, found in results.items() if found]
    return "\n".join(parts)


def document(results: Results, about: dict[str, Any]) -> dict[str, Any]:
    verdicts = [judge(target, results) for target in TARGETS if target.section in results]
    return {
        "schema": SCHEMA,
        "machine": about,
        "sections": {
            name: {contestant: result.document() for contestant, result in found.items()}
            for name, found in results.items()
        },
        "targets": [
            {
                "what": verdict.target.what,
                "section": verdict.target.section,
                "target": verdict.target.words(),
                "metric": verdict.metric,
                "jobctl": verdict.own,
                "extent": verdict.extent,
                "reference": verdict.reference,
                "ratio": verdict.ratio,
                "met": verdict.met,
                "why": verdict.why,
            }
            for verdict in verdicts
        ],
    }


def read(path: Path) -> tuple[Results, dict[str, Any]]:
    """The results and the machine of a document written before. Raises ValueError for another schema."""
    found = json.loads(path.read_text(encoding="utf-8"))
    if found.get("schema") != SCHEMA:
        raise ValueError(f"{path} is not a document of bench, schema {SCHEMA}")
    results = {
        name: {contestant: Result(**values) for contestant, values in section.items()}
        for name, section in found["sections"].items()
    }
    return results, found["machine"]


def merge(into: Results, more: Results) -> None:
    """Add the samples of another run on the same machine; what one could not measure may come from the other."""
    for name, section in more.items():
        for contestant, result in section.items():
            known = into.setdefault(name, {}).setdefault(contestant, Result(result.settings, skipped=result.skipped))
            if result.skipped is None:
                known.skipped = None
            for samples, found in ((known.samples, result.samples), (known.single, result.single)):
                for metric, values in found.items():
                    samples.setdefault(metric, []).extend(values)
