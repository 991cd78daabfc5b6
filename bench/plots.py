"""Plots as SVG, drawn here: they need no library, and the same figures give the same file."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from bench.measure import Results
from bench.report import number

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 170, 50, 56
COLOURS = ("#1b6ca8", "#d1495b", "#5b8c5a", "#c97c1a", "#7a5195", "#2f2f3a", "#2bb3b6", "#e39ac0", "#a5a58d")
FLOOR = "#888888"
FONT = "font-family='system-ui,sans-serif'"


@dataclass
class Chart:
    """A drawing area with axes; `x` and `y` map values to places."""

    title: str
    x: Callable[[float], float]
    y: Callable[[float], float]
    marks: list[str] = field(default_factory=list)
    names: list[tuple[str, str]] = field(default_factory=list)

    def line(self, name: str, points: Sequence[tuple[float, float]], colour: str, dots: bool) -> None:
        places = [(self.x(a), self.y(b)) for a, b in points]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
        dashes = " stroke-dasharray='6 4'" if colour == FLOOR else ""
        width = 3 if name.startswith("jobctl") else 2
        self.marks.append(f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='{width}'{dashes}/>")
        if dots:
            self.marks += [f"<circle cx='{a:.1f}' cy='{b:.1f}' r='3.5' fill='{colour}'/>" for a, b in places]
        self.names.append((name, colour))

    def bar(self, left: float, width: float, value: float, colour: str) -> None:
        top, bottom = self.y(value), HEIGHT - BOTTOM
        self.marks.append(
            f"<rect x='{left:.1f}' y='{top:.1f}' width='{width:.1f}' height='{max(bottom - top, 0.5):.1f}'"
            f" fill='{colour}'/>"
        )
        self.text(left + width / 2, top - 4, number(value), 10)

    def text(self, x: float, y: float, words: str, size: int = 12, anchor: str = "middle", more: str = "") -> None:
        self.marks.append(
            f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' text-anchor='{anchor}' fill='#333' {FONT} {more}>"
            f"{escape(words)}</text>"
        )

    def across(self, values: Sequence[float], label: str) -> None:
        """Lines of the grid for values of y, and what y is."""
        for value in values:
            place = self.y(value)
            self.marks.append(f"<path d='M{LEFT} {place:.1f}H{WIDTH - RIGHT}' stroke='#ddd'/>")
            self.text(LEFT - 8, place + 4, number(value), 11, "end")
        middle = (TOP + HEIGHT - BOTTOM) / 2
        self.text(16, middle, label, 12, more=f"transform='rotate(-90 16 {middle:.1f})'")

    def along(self, values: Sequence[float], label: str) -> None:
        for value in values:
            place = self.x(value)
            self.marks.append(f"<path d='M{place:.1f} {TOP}V{HEIGHT - BOTTOM}' stroke='#eee'/>")
            self.text(place, HEIGHT - BOTTOM + 18, number(value), 11)
        self.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, label)

    def svg(self) -> str:
        axis = f"<path d='M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}' fill='none' stroke='#555'/>"
        key = []
        for index, (name, colour) in enumerate(self.names):
            y = TOP + 8 + index * 20
            key.append(f"<rect x='{WIDTH - RIGHT + 16}' y='{y - 9}' width='12' height='12' fill='{colour}'/>")
            key.append(
                f"<text x='{WIDTH - RIGHT + 34}' y='{y + 2}' font-size='12' fill='#333' {FONT}>{escape(name)}</text>"
            )
        title = (
            f"<text x='{LEFT}' y='26' font-size='15' font-weight='600' fill='#222' {FONT}>{escape(self.title)}</text>"
        )
        frame = (
            f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' width='{WIDTH}' height='{HEIGHT}'>"
        )
        return "\n".join(
            [
                frame,
                f"<rect width='{WIDTH}' height='{HEIGHT}' fill='white'/>",
                title,
                *self.marks,
                axis,
                *key,
                "</svg>\n",
            ]
        )


def scale(low: float, high: float, start: float, end: float, log: bool = False) -> Callable[[float], float]:
    """From values between `low` and `high` to places between `start` and `end`."""
    change: Callable[[float], float] = math.log10 if log else float
    first, last = change(low), change(high)

    def place(value: float) -> float:
        inside = min(max(value, low), high)
        return start + (change(inside) - first) / (last - first) * (end - start)

    return place


def across(low: float, high: float, log: bool = False) -> Callable[[float], float]:
    return scale(low, high, LEFT, WIDTH - RIGHT, log)


def upwards(low: float, high: float, log: bool = False) -> Callable[[float], float]:
    return scale(low, high, HEIGHT - BOTTOM, TOP, log)


def decades(low: float, high: float) -> list[float]:
    return [10.0**power for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def steps(high: float) -> list[float]:
    """Round values from 0 to at least `high`."""
    rough = high / 4
    size = 10 ** math.floor(math.log10(rough))
    step = next(size * times for times in (1, 2, 2.5, 5, 10) if size * times >= rough)
    return [step * index for index in range(math.ceil(high / step) + 1)]


def throughput(results: Results) -> str | None:
    """System jobs a second by the number of slots, one line for each kind."""
    found: dict[str, list[tuple[float, float]]] = {}
    for name, result in results.get("slots", {}).items():
        kind, _, slots = name.rpartition("-")
        median = result.median("per_second")
        if median is not None:
            found.setdefault(kind, []).append((float(slots), median))
    if not found:
        return None
    grid = steps(max(value for points in found.values() for _, value in points))
    chart = Chart("System jobs a second, by slots", across(0.9, 9, log=True), upwards(0, grid[-1]))
    chart.across(grid, "system jobs/s")
    chart.along(sorted({slots for points in found.values() for slots, _ in points}), "slots, or workers")
    words = {"callables": "jobctl, callables", "commands": "jobctl, commands", "huey": "Huey, processes"}
    for (kind, points), colour in zip(found.items(), COLOURS, strict=False):
        chart.line(words.get(kind, kind), sorted(points), colour, dots=True)
    return chart.svg()


def distribution(results: Results, section: str, title: str) -> str | None:
    """What share began within so many milliseconds, for each contestant."""
    found = {
        name: sorted(result.single["ms"])
        for name, result in results.get(section, {}).items()
        if result.single.get("ms")
    }
    if not found:
        return None
    low = max(min(values[0] for values in found.values()), 0.05)
    high = max(values[-1] for values in found.values())
    marks = decades(low, high)
    chart = Chart(title, across(marks[0], marks[-1], log=True), upwards(0, 100))
    chart.across([0, 25, 50, 75, 99], "% begun within")
    chart.along(marks, "ms")
    colours = iter(COLOURS)
    for name, values in found.items():
        colour = FLOOR if name.startswith("floor") else next(colours)
        points = [(value, (index + 1) / len(values) * 100) for index, value in enumerate(values)]
        chart.line(name, points, colour, dots=False)
    return chart.svg()


def cost(results: Results) -> str | None:
    """Bars of what commands and the daemon take, by the size of the database; milliseconds, logarithmic."""
    metrics = ("turn_ms", "job_ms", "monitor", "show", "why_ready", "why_completed")
    section = {name: result for name, result in results.get("scale", {}).items() if result.samples}
    values = {name: [result.median(metric) or 0.0 for metric in metrics] for name, result in section.items()}
    positive = [value for line in values.values() for value in line if value > 0]
    if not positive:
        return None
    marks = decades(min(positive), max(positive) * 1.5)
    chart = Chart("Cost by size of the database", across(0, len(metrics)), upwards(marks[0], marks[-1], log=True))
    chart.across(marks, "ms")
    wide = (WIDTH - LEFT - RIGHT) / len(metrics)
    for index, (name, line) in enumerate(values.items()):
        rows = section[name].median("rows")
        chart.names.append((name if not rows or name == "empty" else f"{rows:,.0f} {name}", COLOURS[index]))
        for place, value in enumerate(line):
            if value > 0:
                chart.bar(LEFT + place * wide + 6 + index * (wide - 12) / 3, (wide - 16) / 3, value, COLOURS[index])
    for place, metric in enumerate(metrics):
        chart.text(LEFT + (place + 0.5) * wide, HEIGHT - BOTTOM + 18, metric.replace("_", " "), 11)
    return chart.svg()


def write(results: Results, directory: Path) -> list[Path]:
    """The plots that the results have figures for."""
    directory.mkdir(parents=True, exist_ok=True)
    plots = {
        "throughput-by-slots.svg": throughput(results),
        "latency-distribution.svg": distribution(results, "latency", "From submission to the first line"),
        "lateness-distribution.svg": distribution(results, "due", "From the due instant to the first line"),
        "cost-by-size.svg": cost(results),
    }
    written = []
    for name, svg in plots.items():
        if svg is not None:
            (directory / name).write_text(svg, encoding="utf-8")
            written.append(directory / name)
    return written
