"""The targets, each a ratio within one run, and what the figures say of them."""

from __future__ import annotations

from dataclasses import dataclass

from bench.measure import Results
from bench.schedules import SPECS
from bench.sections.notations import CRON, RULES


@dataclass(frozen=True)
class Target:
    """`subject` is to be at least (or at most) `limit` times the best of `references`; without any, `limit` itself."""

    section: str
    what: str
    subject: str
    metrics: tuple[str, ...]
    """Of several the worst counts."""
    limit: float
    at_least: bool
    references: tuple[str, ...] = ()
    rows: int = 0
    """How many rows, at least, its words speak of."""

    def words(self) -> str:
        sign = "≥" if self.at_least else "≤"
        if not self.references:
            return f"{sign} {self.limit:g}"
        if self.limit == 1:
            return f"{'ahead of' if self.at_least else '≤'} {', '.join(self.references)}"
        return f"{sign} {self.limit:g} × {', '.join(self.references)}"


@dataclass(frozen=True)
class Verdict:
    target: Target
    metric: str | None
    """The one that counted."""
    own: float | None
    reference: float | None
    ratio: float | None
    met: bool | None
    """None: it could not be measured; `why` tells."""
    why: str = ""
    extent: tuple[float, float] | None = None
    """The least and the greatest of jobctl's repetitions."""


def judge(target: Target, results: Results) -> Verdict:
    """What the medians say; of several metrics the one that is furthest from the target."""
    section = results.get(target.section, {})
    rows = section[target.subject].median("rows") if target.subject in section else None
    if rows is not None and rows < target.rows:
        return Verdict(target, None, None, None, None, None, f"measured with {rows:,.0f} rows, not {target.rows:,}")
    found = [_one(target, metric, results) for metric in target.metrics]
    for verdict in found:
        if verdict.ratio is None:
            return verdict
    worst = min if target.at_least else max
    return worst(found, key=lambda verdict: verdict.ratio or 0.0)


def _one(target: Target, metric: str, results: Results) -> Verdict:
    section = results.get(target.section, {})
    own = section[target.subject].median(metric) if target.subject in section else None
    if own is None:
        reason = section[target.subject].skipped if target.subject in section else None
        return Verdict(target, metric, None, None, None, None, reason or "not measured in this run")
    samples = section[target.subject].samples[metric]
    extent = (min(samples), max(samples))
    if not target.references:
        return Verdict(target, metric, own, None, own, _holds(target, own), extent=extent)
    medians = [section[name].median(metric) for name in target.references if name in section]
    known = [value for value in medians if value is not None]
    if not known:
        reasons = [section[name].skipped for name in target.references if name in section]
        return Verdict(
            target, metric, own, None, None, None, "; ".join(filter(None, reasons)) or "no reference", extent
        )
    reference = max(known) if target.at_least else min(known)
    ratio = own / reference if reference else float("inf")
    return Verdict(target, metric, own, reference, ratio, _holds(target, ratio), extent=extent)


def _holds(target: Target, value: float) -> bool:
    return value >= target.limit if target.at_least else value <= target.limit


def _rates(section: str, subject: str, *limits: tuple[float, tuple[str, ...], str]) -> list[Target]:
    return [Target(section, what, subject, ("per_second",), limit, True, names) for limit, names, what in limits]


def _least(section: str, what: str, limit: float, metrics: tuple[str, ...], *references: str, rows: int = 0) -> Target:
    return Target(section, what, "jobctl", metrics, limit, False, references, rows)


def _instants(section: str, what: str, floor: str, p50: float, peers: tuple[str, ...]) -> list[Target]:
    return [
        _least(section, f"{what}, p50", p50, ("p50",), floor),
        _least(section, f"{what}, p99", 3, ("p99",), floor),
        *(_least(section, f"{what}, p50", 1, ("p50",), peer) for peer in peers),
        *(_least(section, f"{what}, p99", 1, ("p99",), peer) for peer in peers),
    ]


def _scale(subject: str, what: str, rows: int) -> list[Target]:
    costs = {
        "a turn of the loop that finds nothing to start": "turn_ms",
        "a system job at work": "job_ms",
        "monitor, first page": "monitor",
        "show": "show",
        "why, of a ready one": "why_ready",
        "why, of a completed one": "why_completed",
    }
    return [
        *(
            Target("scale", f"{what}: {words}", subject, (metric,), 1.5, False, ("empty",), rows)
            for words, metric in costs.items()
        ),
        Target("scale", f"{what}: statements that scan history", subject, ("full_scans",), 0, False, (), rows),
    ]


CALLABLES = "no-op callables"
COMMANDS = "`true` through the shell"
SUBMITTED = "submit in one process → first line"
DUE = "due → first line"
IDLE = "idle daemon, 10,000 schedules ahead"

TARGETS: tuple[Target, ...] = (
    *_rates(
        "callables",
        "jobctl",
        (5, ("huey", "huey-thread"), CALLABLES),
        (8, ("huey-results",), CALLABLES),
        (15, ("apscheduler",), CALLABLES),
        (1, ("celery",), CALLABLES),
        (1, ("rq",), CALLABLES),
        (0.15, ("floor-pipes-100",), CALLABLES),
        (0.3, ("floor-pipes-100",), f"{CALLABLES}, then"),
    ),
    *_rates(
        "commands",
        "jobctl",
        (0.75, ("floor-spawn",), COMMANDS),
        (3, ("parallel",), COMMANDS),
        (0.85, ("tsp",), COMMANDS),
    ),
    *_rates("commands", "jobctl-depth-1", (0.5, ("floor-spawn",), f"{COMMANDS}, depth 1")),
    *_rates(
        "submit",
        "jobctl",
        (0.45, ("floor-commit",), "submit from the library"),
        (0.8, ("floor-same-row",), "submit from the library"),
        (1, ("huey",), "submit from the library"),
    ),
    *_rates("batches", "submit_many", (0.35, ("floor-executemany",), "submit_many")),
    *_rates("batches", "run-from", (0.35, ("floor-executemany",), "run --from FILE")),
    *_instants(
        "latency", SUBMITTED, "floor-datagram", 1.6, ("tsp", "nq", "rq", "celery", "huey", "huey-1ms", "apscheduler")
    ),
    *_instants("due", DUE, "floor-due", 1.5, ("apscheduler", "celery")),
    _least("due", f"{DUE}: begun early", 0, ("early",)),
    *(
        Target("startup", name, name, ("ms",), limit, False, ("import click",))
        for name, limit in (
            ("jobctl --help", 1.4), ("jobctl run", 1.8), ("jobctl monitor --json", 1.8), ("jobctl monitor", 3.2),
        )
    ),
    _least("idle", f"{IDLE}: CPU s a minute", 0.005, ("cpu_per_minute",), rows=10_000),
    _least("idle", f"{IDLE}: wake-ups a minute", 4, ("wakeups_per_minute",), rows=10_000),
    _least("idle", f"{IDLE}: resident MB, daemon", 35, ("daemon_mb",), rows=10_000),
    _least("idle", f"{IDLE}: resident MB, a runner", 20, ("runner_mb",), rows=10_000),
    _least("idle", f"{IDLE}: proportional MB, a warm worker", 15, ("worker_mb",), rows=10_000),
    *_scale("ready", "a million ready", 1_000_000),
    *_scale("completed", "ten million completed", 10_000_000),
    _least("burst", "a million due at once, 4 slots: slowest answer to idle time", 3, ("worst_ratio",), rows=1_000_000),
    Target("next", "next_after, cron (time a call)", "jobctl", tuple(CRON), 1 / 0.8, False, ("croniter",)),
    Target("next", "next_after, other notations (time a call)", "jobctl", tuple(RULES), 1, False, ("dateutil",)),
    Target("next", "the same, dateutil iterating", "jobctl", tuple(RULES), 1, False, ("dateutil-iterating",)),
    Target(
        "next", "next_after, start ten years back", "jobctl-ten-years", tuple(SPECS), 1.5, False, ("jobctl",)
    ),
)  # fmt: skip
