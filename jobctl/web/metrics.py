"""The figures of a home in Prometheus' text format. No table is read whole: history by its newest part only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from jobctl import control, presence
from jobctl.clock import MICROSECONDS
from jobctl.model import Reason, State, Status
from jobctl.store import Store

WINDOW: Final = 3600 * MICROSECONDS
MOST: Final = 10_000
"""Of those that ended within the window, so many of the newest are looked at."""
RECENT: Final = f"of the newest {MOST} that ended in the last hour"
QUANTILES: Final = ("0.5", "0.95", "1")

Sample = tuple[Mapping[str, str], float]


def exposition(store: Store) -> str:
    """All of them, of one moment."""
    now = store.clock.now()
    parameters = {"since": now - WINDOW, "most": MOST}
    run = store.database.run
    ((created,),) = run("greatest_sequence")
    ended = {Status(status): (count, retries) for status, count, retries in run("recent_counts", parameters)}
    ((since,),) = run("oldest_ready")
    age = 0 if since is None else max(now - since, 0)
    final = (Status.SUCCEEDED, Status.FAILED, Status.CANCELED)
    counts: list[Sample] = [({"status": one.label}, ended.get(one, (0, 0))[0]) for one in final]
    return "".join(
        [
            family("jobctl_system_jobs", "gauge", "System jobs that are not completed.", live(store)),
            family("jobctl_system_jobs_created_total", "counter", "System jobs ever made.", [({}, created)]),
            family("jobctl_recent_completed", "gauge", f"How those ended {RECENT}.", counts),
            family(
                "jobctl_recent_retries", "gauge", f"Retries {RECENT}.", [({}, sum(one[1] for one in ended.values()))]
            ),
            *spreads(store, parameters),
            family(
                "jobctl_oldest_ready_seconds", "gauge", "How long the first of the queue waits.", [({}, seconds(age))]
            ),
            *daemon(store, now),
        ]
    )


def live(store: Store) -> list[Sample]:
    """By state, status and reason; each pair of state and status that there is, also at zero.

    What waits always has a reason: at zero, that of what is scheduled stands for all.
    """
    found: dict[tuple[Status, str], int] = {(status, ""): 0 for status in Status if status.state is not State.COMPLETED}
    found[Status.WAITING, Reason.SCHEDULED.value] = found.pop((Status.WAITING, ""))
    for _, status, reason, count in store.database.run("live_counts"):
        found[Status(status), Reason(reason).value if reason else ""] = count
    return [
        ({"state": status.state.label, "status": status.label, "reason": reason}, count)
        for (status, reason), count in found.items()
    ]


def spreads(store: Store, parameters: Mapping[str, int]) -> Iterable[str]:
    rows = {row[0]: row[1:] for row in store.database.run("recent_spreads", parameters)}
    for measure, words in (("duration", "How long those ran"), ("lateness", "How late those began")):
        *lengths, number, total = rows.get(measure, (0, 0, 0, 0, 0))
        name = f"jobctl_recent_{measure}_seconds"
        values: list[Sample] = [
            ({"quantile": quantile}, seconds(length)) for quantile, length in zip(QUANTILES, lengths, strict=True)
        ]
        yield family(name, "gauge", f"{words} {RECENT}: quantiles.", values if number else [])
        yield family(f"{name}_mean", "gauge", f"{words} {RECENT}: the mean.", [({}, seconds(total) / max(number, 1))])


def daemon(store: Store, now: int) -> Iterable[str]:
    row, running = store.daemon(), control.daemon_running(store.database.config)
    seen = presence.last_seen(store.database.config)
    yield family("jobctl_daemon_up", "gauge", "Whether a daemon is at work.", [({}, float(running))])
    slots = row.slots if row is not None and running else 0
    yield family("jobctl_daemon_slots", "gauge", "How many it runs at a time.", [({}, slots)])
    ages: list[Sample] = [] if seen is None else [({}, seconds(max(now - seen, 0)))]
    yield family("jobctl_daemon_seen_seconds", "gauge", "Since a daemon's last sign of life (30 s at most).", ages)


def of_service(commits: int, changes: int, streams: int) -> str:
    """Of this process, since it began."""
    return (
        family("jobctl_http_changes_total", "counter", "Changes asked for over HTTP.", [({}, changes)])
        + family("jobctl_http_commits_total", "counter", "Commits that held them.", [({}, commits)])
        + family("jobctl_http_streams", "gauge", "Streams of events that are open.", [({}, streams)])
    )


def family(name: str, kind: str, words: str, samples: Iterable[Sample]) -> str:
    """One metric; no label's value comes from data."""
    lines = [f"# HELP {name} {words}", f"# TYPE {name} {kind}"]
    for labels, value in samples:
        inside = ",".join(f'{key}="{text}"' for key, text in labels.items())
        lines.append(f"{name}{{{inside}}} {value:.10g}" if inside else f"{name} {value:.10g}")
    return "\n".join(lines) + "\n"


def seconds(microseconds: float) -> float:
    return microseconds / MICROSECONDS
