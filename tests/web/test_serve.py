"""`jobctl serve` as a process: how it begins, what it refuses, how it ends, and that nothing accepted is lost."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest

from tests.conftest import Jobctl, StartDaemon, wait_until
from tests.web.conftest import StartServe
from tests.web.raw import connect, drain, post, statuses
from tests.web.serving import make_token
from tests.web.test_etendo import entries, start, states, told


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_ends_within_two_seconds_with_streams_open(
    jobctl: Jobctl, serve: StartServe, token: str, number: signal.Signals
) -> None:
    jobctl("add", "noop", "--", "true", expect=0)
    served = serve()
    with served.client(token) as client:
        process = start(client, "noop")
        streams = [client.stream("GET", f"/async-process/sse/{process}") for _ in range(20)]
        opened = [stream.__enter__() for stream in streams]
        for one in opened:
            assert next(told(one.iter_lines()))["state"] == "ACCEPTED"
        begun = time.monotonic()
        assert served.stop(number) == 0
        assert time.monotonic() - begun < 2.0
        for stream in streams:
            stream.__exit__(None, None, None)
    assert "Traceback" not in served.output and "rror" not in served.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_within_two_seconds_with_slow_requests_open(
    jobctl: Jobctl, serve: StartServe, token: str, home: Path, number: signal.Signals
) -> None:
    """Half heads, half bodies, clients that do not read, and changes that wait for another program's."""
    jobctl("add", "noop", "--", "true", expect=0)
    served = serve()
    with served.client(token) as client, ExitStack() as open_:
        process = start(client, "noop", {"text": "x" * 1_000_000})

        def held() -> socket.socket:
            return open_.enter_context(connect(served.port))

        for _ in range(20):
            held().sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n")
            held().sendall(post(served.port, token, "Content-Length: 100", body=b"{"))
            unread = held()
            unread.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            line = f"GET /async-process/{process} HTTP/1.1\r\nHost: localhost\r\nX-TOKEN: {token}\r\n\r\n"
            unread.sendall(line.encode() * 8)
        other = open_.enter_context(closing(sqlite3.connect(home / "jobctl.db", isolation_level=None)))
        other.execute("BEGIN IMMEDIATE")
        late = [held() for _ in range(5)]
        for connection in late:
            connection.sendall(post(served.port, token, "Content-Length: 2", body=b"{}"))
        assert client.get("/healthz").status_code == 200  # which came after all of these
        begun = time.monotonic()
        assert served.stop(number) == 0
        assert time.monotonic() - begun < 2.0
        other.execute("ROLLBACK")
        assert not any(202 in statuses(drain(connection)) for connection in late)
    assert len(jobctl("monitor", "--json", expect=0).json["system_jobs"]) == 1  # what was not answered was not made
    assert "Traceback" not in served.output


def test_it_says_where_it_listens(jobctl: Jobctl, home: Path) -> None:
    process = subprocess.Popen(
        jobctl.command("serve", "--port", "0"), env=jobctl.environment, stderr=subprocess.PIPE, text=True, cwd="/"
    )
    assert process.stderr is not None
    with process:
        said = [process.stderr.readline(), process.stderr.readline()]
        process.terminate()
    assert said[0] == (
        "jobctl: there is no token yet, and nobody is let in without one; make one: jobctl token create NAME\n"
    )
    assert said[1].startswith(f"jobctl: serving {home} at http://127.0.0.1:")
    assert process.returncode == 0


def test_it_listens_elsewhere_only_for_somebody(jobctl: Jobctl, serve: StartServe) -> None:
    refused = jobctl("serve", "--host", "0.0.0.0", "--port", "0", expect=4)
    assert refused.stderr == (
        "jobctl: nobody could be let in, and 0.0.0.0 is not of this machine alone;"
        " make a token first: jobctl token create NAME\n"
    )
    make_token(jobctl)
    served = serve("--host", "0.0.0.0", "--allowed-host", "jobs.example.org")
    assert "tokens travel unencrypted" in served.output
    with httpx.Client(base_url=f"http://127.0.0.1:{served.port}") as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/healthz", headers={"Host": "0.0.0.0"}).status_code == 403
    jobctl("token", "revoke", "ci", expect=0)
    jobctl("serve", "--host", "::", "--port", "0", expect=4)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--host", "192.0.2.1"), 73, "cannot listen on 192.0.2.1 port 8099"),
        (("--host", "no.such.host.invalid"), 73, "cannot listen on no.such.host.invalid port 8099"),
        (("--port", "65536"), 2, "65536 is not in the range"),
        (("--certificate", "/dev/null"), 2, "--certificate and --private-key go together"),
        (
            ("--certificate", "/dev/null", "--private-key", "/dev/null", "--port", "0"),
            73,
            "cannot use the certificate /dev/null",
        ),
        (("--certificate", "/nonexistent"), 2, "'/nonexistent' does not exist"),
    ],
)
def test_what_cannot_be_is_one_sentence(jobctl: Jobctl, arguments: tuple[str, ...], code: int, words: str) -> None:
    make_token(jobctl)
    refused = jobctl("serve", *arguments, expect=code)
    assert words in refused.stderr and "Traceback" not in refused.stderr


def test_a_port_that_is_taken_is_named(jobctl: Jobctl) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = jobctl("serve", "--port", port, expect=73)
    assert refused.stderr.splitlines()[-1] == f"jobctl: cannot listen on 127.0.0.1 port {port}: Address already in use"


def test_without_the_extra_it_says_what_to_install(jobctl: Jobctl, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util\n"
        "found = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'starlette' else found(name, *rest)\n"
    )
    path = {"PYTHONPATH": f"{tmp_path}:{jobctl.environment['PYTHONPATH']}"}
    refused = jobctl("serve", env=path, expect=73)
    assert refused.stderr == ("jobctl: serve needs starlette: pipx inject jobctl-scheduler 'jobctl-scheduler[web]'\n")
    jobctl("token", "list", env=path, expect=0)  # needs nothing of it


def test_it_speaks_tls(jobctl: Jobctl, serve: StartServe, tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    served = serve("--certificate", certificate, "--private-key", key)
    assert served.url.startswith("https://")
    trusted = ssl.create_default_context(cafile=str(certificate))
    with httpx.Client(base_url=served.url, verify=trusted) as client:
        answer = client.get("/healthz")
        assert answer.status_code == 200 and "max-age" in answer.headers["strict-transport-security"]


def test_a_crash_of_it_does_not_touch_the_daemon_or_its_runs(
    jobctl: Jobctl, serve: StartServe, daemon: StartDaemon, token: str, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    jobctl("add", "slow", "--command", f"until test -e {go}; do sleep 0.02; done", expect=0)
    running, served = daemon(), serve()
    with served.client(token) as client:
        process = start(client, "slow")
        wait_until(lambda: states(entries(client, process))[-1] == "STARTED")
    served.process.kill()
    served.process.wait()
    go.touch()
    assert jobctl("wait", f"id:{process}").returncode == 0
    assert running.alive and "Traceback" not in running.output
    with serve().client(token) as client:
        assert states(entries(client, process)) == ["ACCEPTED", "STARTED", "DONE"]


async def submit_all(url: str, token: str, clients: int, each: int, kill: list[int]) -> tuple[list[str], int]:
    """The ids of what was answered 202, and how many requests were under way when their answer could not come.

    Each client submits its next one once the last is answered; the processes are killed in the midst of it.
    """
    taken: list[str] = []
    half = clients * each // 2
    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
    async with httpx.AsyncClient(base_url=url, headers={"X-TOKEN": token}, limits=limits, timeout=60) as client:

        async def one() -> bool:
            for number in range(each):
                try:
                    answer = await client.post("/async-process/?process=count", json={"n": number})
                except httpx.TransportError:
                    return True
                assert answer.status_code == 202, answer.text
                taken.append(answer.json()["id"])
                while kill and len(taken) >= half:
                    os.kill(kill.pop(0), signal.SIGKILL)
            return False

        cut = await asyncio.gather(*(one() for _ in range(clients)))
    return taken, cut.count(True)


@pytest.mark.thorough
def test_every_202_of_500_in_flight_survives_the_kill_of_server_and_daemon(
    jobctl: Jobctl, serve: StartServe, daemon: StartDaemon, token: str, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    jobctl("add", "count", "--command", f'echo "$JOBCTL_ID" >> {ran}', expect=0)
    first, served = daemon("--slots", "2"), serve()
    taken, cut = asyncio.run(submit_all(served.url, token, 500, 4, [served.process.pid, first.pid]))
    served.process.wait()
    first.wait()
    assert len(taken) >= 1000 and cut > 100
    daemon("--slots", "2", "--until-idle", ready=False).wait(90)
    rows = jobctl("monitor", "--limit", "5000", "--json", expect=0).json["system_jobs"]
    kept = {row["id"].upper(): row for row in rows}
    assert len(set(taken)) == len(taken) and set(taken) <= kept.keys()
    # Whatever runs did not outlive their supervisor is told as lost; the rest ran once.
    assert all(row["status"] == "succeeded" or row["reason"] == "lost" for row in rows)
    times = Counter(ran.read_text().split())
    assert max(times.values()) == 1
    assert {row["id"] for row in rows if row["status"] == "succeeded"} <= times.keys()


def test_changes_that_come_together_share_commits(jobctl: Jobctl, serve: StartServe, token: str) -> None:
    jobctl("add", "count", "--", "true", expect=0)
    served = serve()
    taken, cut = asyncio.run(submit_all(served.url, token, 100, 3, []))
    assert (len(set(taken)), cut) == (300, 0)
    with served.client(token) as client:
        lines = dict(line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines() if line[:1] != "#")
    assert int(lines["jobctl_http_changes_total"]) >= 300
    assert int(lines["jobctl_http_commits_total"]) < 270


def test_a_home_that_is_taken_away_is_not_made_again(
    jobctl: Jobctl, serve: StartServe, token: str, home: Path, tmp_path: Path
) -> None:
    served = serve()
    with served.client(token) as client:
        assert client.get("/metrics").status_code == 200
        home.rename(tmp_path / "away")
        wait_until(lambda: client.get("/healthz").status_code == 503)
        # Each of the readers sees it for itself.
        wait_until(lambda: (found := client.get("/metrics")).status_code == 503 and "is gone" in found.text)
        assert not home.exists()
        (tmp_path / "away").rename(home)
        wait_until(lambda: client.get("/metrics").status_code == 200)


def test_its_requirements_are_those_of_the_extra() -> None:
    from jobctl.commands.serve import NEEDED

    code = f"import {', '.join(NEEDED)}"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_what_it_submits_is_nobodys_child(jobctl: Jobctl, serve: StartServe, token: str) -> None:
    """Not even when it was started by a run."""
    jobctl("add", "noop", "--", "true", expect=0)
    served = serve(env={"JOBCTL_ID": "0" * 32, "JOBCTL_DEPTH": "16", "JOBCTL_SEQUENCE": "1"})
    with served.client(token) as client:
        start(client, "noop")
    (row,) = jobctl("monitor", "--json", expect=0).json["system_jobs"]
    assert (row["depth"], row["parent"], row["owner"]) == (0, None, "token:ci")


def test_changes_that_wait_for_another_program_fail_together(
    jobctl: Jobctl, serve: StartServe, token: str, home: Path
) -> None:
    """They do not wait for their turn to wait, one after the other."""
    jobctl("add", "noop", "--", "true", expect=0)
    served = serve()
    with closing(sqlite3.connect(home / "jobctl.db", isolation_level=None)) as other, ExitStack() as open_:
        other.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        waiting = [open_.enter_context(connect(served.port, 30)) for _ in range(10)]
        for connection in waiting:
            connection.sendall(post(served.port, token, "Connection: close"))
        assert [statuses(drain(connection)) for connection in waiting] == [[503]] * 10
        assert time.monotonic() - begun < 15  # one waits for five seconds
        other.execute("ROLLBACK")
    with served.client(token) as client:
        start(client, "noop")
    assert len(jobctl("monitor", "--json", expect=0).json["system_jobs"]) == 1
