"""What is asked by those who run the service: health without a token, figures with one, cheap on large tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from jobctl.model import State, Status
from jobctl.store import Store
from jobctl.web.etendo import changed_last
from jobctl.web.metrics import exposition
from tests.cli.history import HOUR, Past
from tests.conftest import Jobctl, StartDaemon, wait_until
from tests.web.conftest import StartServe

Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


def families(client: httpx.Client) -> list[Metric]:
    answer = client.get("/metrics")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return list(text_string_to_metric_families(answer.text))


def figures(client: httpx.Client) -> Figures:
    """By name and labels, as Prometheus' own parser reads them."""
    samples = [sample for family in families(client) for sample in family.samples]
    found = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}
    assert len(found) == len(samples)
    return found


def of(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return f"jobctl_{name}", frozenset(labels.items())


def test_every_figure_says_what_it_is(client: httpx.Client) -> None:
    found = {family.name: family for family in families(client)}
    assert {name for name, family in found.items() if family.type == "counter"} == {
        "jobctl_system_jobs_created",
        "jobctl_http_changes",
        "jobctl_http_commits",
    }
    assert all(family.documentation and family.type in ("gauge", "counter") for family in found.values())
    assert {
        "jobctl_system_jobs",
        "jobctl_recent_completed",
        "jobctl_recent_duration_seconds",
        "jobctl_recent_lateness_seconds",
        "jobctl_oldest_ready_seconds",
        "jobctl_daemon_up",
    } <= set(found)
    states = {sample.labels["state"] for sample in found["jobctl_system_jobs"].samples}
    assert states == {state.label for state in State if state is not State.COMPLETED}


def test_figures_follow_what_happens(jobctl: Jobctl, client: httpx.Client, daemon: StartDaemon) -> None:
    jobctl("add", "good", "--", "true", expect=0)
    jobctl("add", "bad", "--retries", "1", "--retry-delay", "0s", "--", "false", expect=0)
    jobctl("add", "later", "--every", "1h", "--start", "in 1h", "--", "true", expect=0)
    for name in ("good", "good", "bad"):
        jobctl("run", name, expect=0)
    ready = of("system_jobs", state="ready", status="waiting_for_resources", reason="")
    scheduled = of("system_jobs", state="suspended", status="waiting", reason="scheduled")
    found = figures(client)
    assert (found[ready], found[scheduled], found[of("daemon_up")]) == (3, 1, 0)
    assert found[of("system_jobs_created_total")] == 4 and found[of("oldest_ready_seconds")] > 0
    assert client.get("/healthz").json() == {"status": "ok", "daemon": "absent"}
    daemon("--slots", "3")
    wait_until(lambda: figures(client)[of("recent_completed", status="failed")] == 1)
    found = wait_until(lambda: (now := figures(client))[of("recent_completed", status="succeeded")] == 2 and now)
    assert (found[ready], found[of("daemon_up")], found[of("daemon_slots")]) == (0, 1, 3)
    assert found[of("recent_retries")] == 1 and found[of("oldest_ready_seconds")] == 0
    for measure in ("duration", "lateness"):
        quantiles = [found[of(f"recent_{measure}_seconds", quantile=q)] for q in ("0.5", "0.95", "1")]
        assert 0 < quantiles[0] <= quantiles[1] <= quantiles[2] < 60
    assert client.get("/healthz").json() == {"status": "ok", "daemon": "running"}


MANY = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
INSERT INTO system_jobs (id, job_id, job_version_id, name, state, status, message_name, due_at, created_on, created_by,
                         modified_on, modified_by, owner, started_on, completed_on, run_time)
SELECT randomblob(16), job_id, job_version_id, name, 3, 30, 'run', :at - i, :at - i, created_by, :at - i, modified_by,
       owner, :at - i, :at - i, 5
  FROM system_jobs, n WHERE sequence = 1
"""


def test_a_long_history_costs_little(home: Path) -> None:
    """Counted in the database's steps, so that no other process plays a part."""
    with Past(home) as past:
        past.add(past.job("noop"), Status.SUCCEEDED)
        few = steps(past, exposition)
        past.connection.execute(MANY, {"at": past.now - 2 * HOUR})
        assert steps(past, exposition) <= few + 200
        assert steps(past, changed_last) <= 50_000  # a hundred are told of, however many there are
        assert len(changed_last(past.store)) == 100
        past.connection.execute("UPDATE system_jobs SET completed_on = :at WHERE sequence > 1", {"at": past.now})
        assert steps(past, exposition) <= 5_000_000  # of those that ended now, the newest 10,000


def steps(past: Past, function: Callable[[Store], object]) -> int:
    """How many steps the statements of a function take, in hundreds."""
    counted = 0

    def count() -> bool:
        nonlocal counted
        counted += 100
        return False

    past.connection.set_progress_handler(count, 100)
    try:
        function(past.store)
    finally:
        past.connection.set_progress_handler(None)
    return counted


def test_health_tells_nothing_else(serve: StartServe) -> None:
    with serve().client() as client:
        answer = client.get("/healthz")
        assert set(answer.json()) == {"status", "daemon"}
        assert "server" not in answer.headers
        assert client.head("/healthz").status_code == 200
