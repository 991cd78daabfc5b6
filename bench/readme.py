"""The README's section on performance, made from a run: `python -m bench --merge FILE --readme`."""

from __future__ import annotations

from typing import Any

from bench.measure import Result, Results
from bench.report import number, table

NAMES = {
    "huey": "Huey",
    "huey-results": "Huey storing results",
    "huey-1ms": "Huey polling every ms",
    "apscheduler": "APScheduler 3",
    "celery": "Celery °",
    "rq": "RQ °",
    "tsp": "task-spooler °",
    "nq": "nq °",
    "parallel": "GNU parallel °",
    "xargs": "xargs °",
    "floor-pipes-100": "daemon and 2 processes over pipes, batches of 100",
    "floor-spawn": "posix_spawn, log file, setsid",
    "floor-commit": "a small row a commit",
    "floor-same-row": "this row, these indexes",
    "floor-executemany": "executemany, no index",
    "floor-datagram": "insert, datagram, claim",
    "floor-due": "dues in SQLite, sleep, claim",
}
ROWS: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("no-op callables, 2 runners, a second", "callables", ("per_second",), "jobctl"),
    ("`true` through the shell, 2 at a time, a second", "commands", ("per_second",), "jobctl"),
    ("submitting one at a time, a second", "submit", ("per_second",), "jobctl"),
    ("`submit_many`, a second", "batches", ("per_second",), "submit_many"),
    ("from submission to first line, ms, p50 / p99", "latency", ("p50", "p99"), "jobctl"),
    ("from due instant to first line, ms, p50 / p99", "due", ("p50", "p99"), "jobctl"),
)
STARTS = ("jobctl --help", "jobctl run", "jobctl monitor --json", "jobctl monitor")


def section(results: Results, about: dict[str, Any]) -> str:
    """Markdown: how it was measured, jobctl beside its peers and the floors, what it costs at rest and at size."""
    parts = [_conditions(about), _beside(results), _starts(results), _idle(results), _scale(results)]
    return "\n".join(part for part in parts if part)


def _conditions(about: dict[str, Any]) -> str:
    packages = about.get("packages", {})
    peers = ", ".join(
        f"{name} {packages[name]}" for name in ("huey", "apscheduler", "celery", "rq") if name in packages
    )
    sqlite = " and ".join(f"{version} ({who})" for who, version in about.get("sqlite", {}).items())
    return (
        f"Medians of one run of `python -m bench` in which all took turns: {about.get('processors')} processors,"
        f" {about.get('system')}, Python {about.get('python')}, SQLite {sqlite}, an append with fdatasync"
        f" {number(about.get('fsync_ms'))} ms; {peers}.\n\n"
        "jobctl, the floors, Huey and APScheduler commit with `synchronous=FULL`, as their connections say. What is"
        " marked ° is not durable: Redis without persistence, or no record on the disk at all. jobctl keeps every"
        " record and result, with the settings it comes with.\n"
    )


def _beside(results: Results) -> str:
    rows = []
    for what, name, metrics, own in ROWS:
        found = results.get(name, {})
        if own not in found or found[own].median(metrics[0]) is None:
            continue
        others = {
            one: result for one, result in found.items() if one in NAMES and result.median(metrics[0]) is not None
        }
        peers = [f"{NAMES[one]} {_cell(r, metrics)}" for one, r in others.items() if not one.startswith("floor")]
        floors = [f"{_cell(r, metrics)} ({NAMES[one]})" for one, r in others.items() if one.startswith("floor")]
        rows.append((what, f"**{_cell(found[own], metrics)}**", ", ".join(peers) or "–", ", ".join(floors)))
    return table(("what", "jobctl", "peers", "floor"), rows) if rows else ""


def _cell(result: Result, metrics: tuple[str, ...]) -> str:
    return " / ".join(number(result.median(metric)) for metric in metrics)


def _starts(results: Results) -> str:
    found = results.get("startup", {})
    base = found["import click"].median("ms") if "import click" in found else None
    known = [(name, median) for name in STARTS if name in found and (median := found[name].median("ms"))]
    if base is None or not known:
        return ""
    words = ", ".join(f"`{name}` {number(median)}" for name, median in known)
    return f"Whole commands, ms: {words}; `python -c 'import click'` {number(base)}.\n"


def _idle(results: Results) -> str:
    own = results.get("idle", {}).get("jobctl")
    if own is None or not own.samples:
        return ""
    values = {metric: number(own.median(metric)) for metric in own.samples}
    return (
        "An idle daemon with {rows} schedules ahead, its runners and their workers: {cpu_per_minute} s of CPU and"
        " {wakeups_per_minute} wake-ups a minute; {daemon_mb} MB (daemon), {runner_mb} MB (a runner),"
        " {worker_mb} MB of its own (a warm worker).\n"
    ).format(**values)


def _scale(results: Results) -> str:
    found = {name: result for name, result in results.get("scale", {}).items() if result.samples}
    if "empty" not in found or len(found) < 2:
        return ""
    metrics = {
        "monitor": "`monitor`",
        "show": "`show`",
        "why_ready": "`why`, of one that waits",
        "turn_ms": "a turn of the daemon with nothing to start (CPU)",
        "job_ms": "a system job at work",
    }
    words_of = {"empty": "hardly any", "ready": "most of them ready", "completed": "most of them completed"}
    sizes = {name: f"{result.median('rows') or 0:,.0f} system jobs" for name, result in found.items()}
    head = ["ms", *(f"{sizes[name]}, {words_of[name]}" if name != "empty" else words_of[name] for name in found)]
    rows = [[words, *(number(result.median(metric)) for result in found.values())] for metric, words in metrics.items()]
    return table(head, rows)
