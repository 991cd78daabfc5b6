"""Who asks and does not read holds nothing of the service for ever: neither connections, nor streams, nor memory."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.conftest import Jobctl, StartDaemon, wait_until
from tests.web.conftest import StartServe
from tests.web.raw import drain
from tests.web.serving import Served
from tests.web.test_etendo import start

BOUNDS = {"write_timeout": 1.0, "send_buffer": 4096}
LARGE = {"text": "x" * 1_000_000}


@pytest.fixture
def served(jobctl: Jobctl, serve: StartServe) -> Served:
    jobctl("add", "noop", "--", "true", expect=0)
    return serve(bounds=BOUNDS)


@pytest.fixture
def client(served: Served, token: str) -> Iterator[httpx.Client]:
    with served.client(token) as found:
        yield found


def reader(port: int) -> socket.socket:
    """A connection that takes next to nothing unless it reads."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    connection.settimeout(20)
    connection.connect(("127.0.0.1", port))
    return connection


def get(address: str, token: str) -> bytes:
    return f"GET {address} HTTP/1.1\r\nHost: localhost\r\nX-TOKEN: {token}\r\n\r\n".encode()


def sockets(served: Served) -> int:
    """How many the service holds."""
    directory = Path(f"/proc/{served.process.pid}/fd")
    return sum(os.readlink(one).startswith("socket:") for one in directory.iterdir() if one.is_symlink())


@pytest.mark.parametrize("address", ["/async-process/{}", "/async-process/sse/{}"])
@pytest.mark.parametrize("last", [b"", b"Connection: close\r\n"])
def test_who_does_not_read_is_broken_off(
    served: Served, client: httpx.Client, token: str, address: str, last: bytes
) -> None:
    process = start(client, "noop", LARGE)
    before = sockets(served)
    request = get(address.format(process), token)[:-2] + last + b"\r\n"
    held = [reader(served.port) for _ in range(20)]
    for connection in held:
        connection.sendall(request)
    wait_until(lambda: sockets(served) >= before + 20, what="all of them are connected")
    begun = time.monotonic()
    wait_until(lambda: sockets(served) == before, what="they are let go")
    assert time.monotonic() - begun < 10
    for connection in held:
        assert len(drain(connection)) < 200_000
        connection.close()
    assert client.get("/healthz").status_code == 200
    assert "Traceback" not in served.output


def test_who_reads_a_byte_now_and_then_is_broken_off(served: Served, client: httpx.Client, token: str) -> None:
    process = start(client, "noop", LARGE)
    before = sockets(served)
    with closing(reader(served.port)) as connection:
        connection.sendall(get(f"/async-process/{process}", token))
        wait_until(lambda: sockets(served) > before)
        until = time.monotonic() + 15
        while time.monotonic() < until and sockets(served) > before:
            connection.recv(1)
            time.sleep(0.05)
        assert time.monotonic() < until


def test_who_reads_slowly_gets_all_of_it(served: Served, client: httpx.Client, token: str) -> None:
    process = start(client, "noop", LARGE)
    with closing(reader(served.port)) as connection:
        connection.sendall(get(f"/async-process/{process}", token)[:-2] + b"Connection: close\r\n\r\n")
        begun, received = time.monotonic(), 0
        while part := connection.recv(40_000):
            received += len(part)
            time.sleep(max(0.0, begun + received / 200_000 - time.monotonic()))  # 200 kB a second
        assert received > 1_000_000 and time.monotonic() - begun > 3 * BOUNDS["write_timeout"]


def test_a_stream_that_nobody_reads_ends(
    jobctl: Jobctl, served: Served, client: httpx.Client, token: str, daemon: StartDaemon
) -> None:
    """Also one that was read at first: its place is another's again."""
    shell = "head -c 4000 /dev/zero | tr '\\0' x; exit 1"
    jobctl("add", "loud", "--retries", "60", "--retry-delay", "0s", "--command", shell, expect=0)
    process = start(client, "loud")
    with closing(reader(served.port)) as connection:
        connection.sendall(get(f"/async-process/sse/{process}", token))
        wait_until(lambda: "jobctl_http_streams 1\n" in client.get("/metrics").text)
        daemon()
        wait_until(lambda: client.get(f"/async-process/{process}").json()[0]["state"] == "ERROR", timeout=60)
        wait_until(lambda: "jobctl_http_streams 0\n" in client.get("/metrics").text)
        assert b'"ERROR"' not in drain(connection)
    assert "Traceback" not in served.output


def test_over_tls_too(jobctl: Jobctl, serve: StartServe, token: str, tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    jobctl("add", "noop", "--", "true", expect=0)
    served = serve(bounds={**BOUNDS, "certificate": str(certificate), "private_key": str(key)})
    trusted = ssl.create_default_context(cafile=str(certificate))
    with httpx.Client(base_url=served.url, verify=trusted, headers={"X-TOKEN": token}) as client:
        process = start(client, "noop", LARGE)
        before = sockets(served)
        with trusted.wrap_socket(reader(served.port), server_hostname="127.0.0.1") as connection:
            connection.sendall(get(f"/async-process/{process}", token))
            wait_until(lambda: sockets(served) > before)
            wait_until(lambda: sockets(served) == before, what="it is let go")
        assert client.get("/healthz").status_code == 200
