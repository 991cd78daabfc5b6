"""Notifications with real processes and a real web server."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ClockFile, Jobctl, StartDaemon, wait_until

pytestmark = pytest.mark.thorough


@dataclass
class Webhook:
    """A web server on the loopback that writes down what it is sent."""

    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    """What it answers, one after the other; the last one holds."""
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    server: ThreadingHTTPServer | None = None

    @property
    def host(self) -> str:
        assert self.server is not None
        return f"127.0.0.1:{self.server.server_address[1]}"

    def events(self) -> list[str]:
        return [json.loads(body)["event"] for *_, body in self.requests]

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        self.requests.append((handler.command, handler.path, dict(handler.headers), body))
        code, headers = self.answers.pop(0) if len(self.answers) > 1 else (self.answers or [(204, {})])[0]
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    made = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.take(self)

        def do_GET(self) -> None:
            made.take(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    made.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=made.server.serve_forever, args=(0.02,))
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def notifications(jobctl: Jobctl) -> list[dict[str, Any]]:
    """Oldest first."""
    rows: list[dict[str, Any]] = jobctl("monitor", "--type", 1, "--json", expect=0).json["system_jobs"]
    return rows[::-1]


def test_a_webhook_hears_of_a_failure_and_of_its_end(
    jobctl: Jobctl, daemon: StartDaemon, webhook: Webhook, tmp_path: Path
) -> None:
    switch = tmp_path / "works"
    address = f"http://carol:pa%20ss@{webhook.host}/T0/secret?key=value"
    command = f"test -e {switch} || exit 3"
    jobctl("add", "sync", "--notify", address, "--command", command, expect=0)
    daemon()
    failed = int(jobctl("run", "sync", "--wait").stdout)
    jobctl("run", "sync", "--wait", expect=1)
    switch.touch()
    jobctl("run", "sync", "--wait", expect=0)
    wait_until(lambda: len(webhook.requests) == 2, what="two requests")
    method, path, headers, body = webhook.requests[0]
    assert (method, path) == ("POST", "/T0/secret?key=value")
    assert headers["Content-Type"] == "application/json" and headers["User-Agent"].startswith("jobctl/")
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"carol:pa ss").decode()
    said = json.loads(body)
    assert (said["schema"], said["event"], said["job"]) == (1, "failed", "sync")
    assert (said["system_job"]["sequence"], said["system_job"]["exit_code"]) == (failed, 3)
    assert f"sync failed: exit code 3 (#{failed} on " in said["text"]
    assert webhook.events() == ["failed", "recovered"]
    wait_until(lambda: [row["status"] for row in notifications(jobctl)] == ["succeeded"] * 2)
    assert [row["name"] for row in notifications(jobctl)] == ["notify: sync failed", "notify: sync recovered"]


def test_the_secret_part_of_an_address_is_nowhere_to_be_seen(
    jobctl: Jobctl, daemon: StartDaemon, webhook: Webhook, home: Path
) -> None:
    webhook.answers = [(500, {})]
    added = jobctl("add", "sync", "--notify", f"http://{webhook.host}/T0/geheim", "--command", "exit 3", expect=0)
    daemon()
    jobctl("run", "sync", "--wait", expect=1)
    row = wait_until(lambda: next((row for row in notifications(jobctl) if row["reason"] == "retrying"), None))
    shown = [added.stdout]
    for line in ("list", "show sync", "monitor", f"show {row['sequence']}", f"logs {row['sequence']}", "check"):
        shown += [jobctl(*line.split(), *more).stdout for more in ((), ("--json",))]
    shown.append(jobctl("logs", row["sequence"], "--stderr").stdout)
    assert "geheim" not in "".join(shown) and f"http://{webhook.host}/… answered 500" in shown[-1]
    assert f"tells        http://{webhook.host}/…" in shown[3]
    edited = jobctl("edit", "sync", "--notify", f"http://{webhook.host}/geheim2", "--json", expect=0)
    assert edited.json["job"]["notify"] == [f"http://{webhook.host}/…"]
    assert b"geheim" not in b"".join(path.read_bytes() for path in home.glob("logs/**/*") if path.is_file())


def test_a_webhook_that_does_not_answer_well_is_tried_again(
    jobctl: Jobctl, daemon: StartDaemon, webhook: Webhook, clock_file: ClockFile
) -> None:
    webhook.answers = [(503, {}), (302, {"Location": f"http://{webhook.host}/elsewhere"}), (200, {})]
    jobctl("add", "sync", "--notify", f"http://{webhook.host}/hook", "--command", "exit 3", expect=0)
    daemon()
    jobctl("run", "sync", "--wait", expect=1)
    for attempt in (1, 2):
        standing = [("retrying", attempt)]
        wait_until(partial(lambda s: [(r["reason"], r["attempt"]) for r in notifications(jobctl)] == s, standing))
        clock_file.advance(31)
    wait_until(lambda: [row["status"] for row in notifications(jobctl)] == ["succeeded"])
    assert [path for _, path, _, _ in webhook.requests] == ["/hook"] * 3, "no redirection is followed"
    bodies = {body for *_, body in webhook.requests}
    assert len(bodies) == 1, "what is told was settled with the failure"


def test_a_command_gets_it_on_stdin_and_in_its_environment(jobctl: Jobctl, daemon: StartDaemon, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    tell = 'cat >stdin; printf %s "$JOBCTL_DATA" >data; env >env; pwd >pwd; echo told; echo oops >&2'
    options = ["--cwd", place, "--env", "GREETING=hello", "--notify", f"exec:{tell}"]
    jobctl("add", "sync", *options, "--command", "exit 3", expect=0)
    daemon()
    number = int(jobctl("run", "sync", "--wait").stdout)
    row = wait_until(lambda: next((row for row in notifications(jobctl) if row["status"] == "succeeded"), None))
    said = json.loads((place / "stdin").read_text())
    assert said == json.loads((place / "data").read_text())
    assert (said["event"], said["system_job"]["sequence"]) == ("failed", number)
    environment = dict(line.split("=", 1) for line in (place / "env").read_text().splitlines())
    assert environment["JOBCTL_TEXT"] == said["text"] and environment["JOBCTL_EVENT"] == "failed"
    assert environment["JOBCTL_ABOUT"] == str(number) and environment["GREETING"] == "hello"
    assert environment["JOBCTL_SEQUENCE"] == str(row["sequence"])
    assert (place / "pwd").read_text() == f"{place}\n"
    assert jobctl("logs", row["sequence"], expect=0).stdout == "told\noops\n"
    assert row["data"] == said, "and whoever asks jobctl sees what was said"


def test_it_is_told_even_if_the_directory_is_what_is_missing(
    jobctl: Jobctl, daemon: StartDaemon, tmp_path: Path
) -> None:
    place, out = tmp_path / "place", tmp_path / "out"
    place.mkdir()
    secret = tmp_path / "secret"
    secret.touch()
    options = ["--cwd", place, "--env", f"PASSWORD=@{secret}", "--notify", f'exec:echo "$JOBCTL_TEXT" >{out}']
    jobctl("add", "sync", *options, "--", "true", expect=0)
    place.rmdir()
    secret.unlink()
    daemon()
    jobctl("run", "sync", "--wait", expect=1)
    wait_until(lambda: out.exists() and out.read_text().startswith("sync failed: cannot read "))


def test_what_could_not_be_told_is_tried_again_until_a_person_stops_it(
    jobctl: Jobctl, daemon: StartDaemon, webhook: Webhook
) -> None:
    assert webhook.server is not None
    webhook.server.server_close()
    targets = ["--notify", f"http://{webhook.host}/hook", "--notify", "exec:exec <&-; exit 7"]
    jobctl("add", "sync", *targets, "--command", "exit 3", expect=0)
    daemon()
    jobctl("run", "sync", "--wait", expect=1)
    wait_until(lambda: [row["reason"] for row in notifications(jobctl)] == ["retrying"] * 2)
    posted, executed = notifications(jobctl)
    assert "answered nothing: [Errno 111] Connection refused" in jobctl("logs", posted["sequence"], "--stderr").stdout
    assert (posted["exit_code"], executed["exit_code"]) == (1, 7)
    jobctl("cancel", executed["sequence"], "--wait", expect=0)
    assert len(notifications(jobctl)) == 2


def test_whom_the_daemon_tells_of_every_job(jobctl: Jobctl, daemon: StartDaemon, tmp_path: Path) -> None:
    out = tmp_path / "out"
    jobctl("add", "sync", "--command", "exit 3", expect=0)
    one = daemon(env={"JOBCTL_NOTIFY": f'exec:echo "$JOBCTL_EVENT" >>{out}\n'})
    jobctl("run", "sync", "--wait", expect=1)
    wait_until(lambda: out.exists() and out.read_text() == "failed\n")
    assert one.stop() == 0
    daemon()
    jobctl("edit", "sync", "--command", "true", expect=0)
    jobctl("run", "sync", "--wait", expect=0)
    assert len(notifications(jobctl)) == 1, "this daemon tells nobody"


def test_a_default_that_cannot_be_right(jobctl: Jobctl, daemon: StartDaemon) -> None:
    refused = daemon(env={"JOBCTL_NOTIFY": "ftp://example.com/"}, ready=False)
    assert refused.wait() == 2
    assert "JOBCTL_NOTIFY: 'ftp://example.com' tells nobody" in refused.output


def test_the_daemon_tells_what_is_overdue_once(
    jobctl: Jobctl, daemon: StartDaemon, clock_file: ClockFile, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    options = ["--expect", "1h", "--notify", f'exec:echo "$JOBCTL_EVENT" >>{out}']
    jobctl("add", "sync", *options, "--", "true", expect=0)
    daemon()
    clock_file.advance(3500)
    assert jobctl("check", "sync").returncode == 0
    clock_file.advance(101)
    wait_until(lambda: out.exists() and out.read_text() == "overdue\n")
    found = jobctl("check", "sync", expect=2)
    assert found.stdout.startswith("CRITICAL - 1 overdue: sync (1 job) | ")
    clock_file.advance(3601)
    jobctl("run", "sync", "--wait", expect=0)
    wait_until(lambda: out.read_text() == "overdue\nrecovered\n")
    assert jobctl("check", "sync").returncode == 0


def test_the_daemon_sleeps_until_the_deadline(jobctl: Jobctl, daemon: StartDaemon, tmp_path: Path) -> None:
    """With the real clock: the timer rings for a deadline as it does for what is due."""
    out = tmp_path / "out"
    daemon()
    jobctl("add", "sync", "--expect", "1s", "--notify", f"exec:touch {out}", "--", "true", expect=0)
    wait_until(out.exists, timeout=10)


def test_a_failure_is_told_by_the_next_daemon(jobctl: Jobctl, daemon: StartDaemon, tmp_path: Path) -> None:
    """The decision is stored with the outcome: a daemon that dies at once takes nothing away."""
    out, go = tmp_path / "out", tmp_path / "go"
    command = f"while ! test -e {go}; do sleep 0.02; done; exit 3"
    jobctl("add", "sync", "--notify", f"exec:echo told >>{out}", "--command", command, expect=0)
    one = daemon()
    number = int(jobctl("run", "sync", expect=0).stdout)
    wait_until(lambda: jobctl("show", number, "--json").json["system_job"]["started_on"])
    one.kill()
    go.touch()
    daemon()
    wait_until(lambda: out.exists() and out.read_text() == "told\n")
