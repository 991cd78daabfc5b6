"""Requests that can be read in two ways are refused, and the connection with them; none of them starts anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Jobctl
from tests.web.conftest import StartServe
from tests.web.raw import exchange, post, statuses
from tests.web.serving import Served, make_token

SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Target:
    """A server with a job, and what was submitted there."""

    def __init__(self, jobctl: Jobctl, serve: StartServe) -> None:
        self.jobctl = jobctl
        jobctl("add", "noop", "--", "true", expect=0)
        self.token = make_token(jobctl, "ci", "submit")
        self.served: Served = serve()
        self.port = self.served.port

    def post(self, *headers: str, body: bytes = b"", target: str = "/async-process/?process=noop") -> bytes:
        return exchange(self.port, post(self.port, self.token, *headers, body=body, target=target))

    @property
    def submitted(self) -> int:
        return len(self.jobctl("monitor", "--json", expect=0).json["system_jobs"])


@pytest.fixture
def target(jobctl: Jobctl, serve: StartServe) -> Iterator[Target]:
    yield Target(jobctl, serve)


def test_a_well_formed_request_is_answered(target: Target) -> None:
    last = "Connection: close"
    assert statuses(target.post("Content-Length: 2", last, body=b"{}")) == [202]
    assert statuses(target.post("Transfer-Encoding: chunked", last, body=b"2\r\n{}\r\n0\r\n\r\n")) == [202]
    assert statuses(target.post(last)) == [202]
    request = post(target.port, target.token, "Content-Length: 2", last, body=b"{}")
    assert statuses(exchange(target.port, *(bytes([byte]) for byte in request))) == [202]
    assert target.submitted == 4


def test_ambiguous_lengths_are_refused(target: Target) -> None:
    for headers in (
        ("Content-Length: 2", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 6"),
        ("Content-Length: 2", "Content-Length: 3"),
        ("Content-Length: 2", "Content-Length: 2"),
        ("Content-Length: 2, 2",),
        ("Content-Length: +2",),
        ("Content-Length: -2",),
        ("Content-Length: 0x2",),
        ("Content-Length: 2 2",),
        ("Content-Length:",),
        ("Content-Length : 2",),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked, identity",),
        ("Transfer-Encoding: xchunked",),
        ("Transfer-Encoding: gzip, chunked",),
        ("Transfer-Encoding:\tchunked ", "Content-Length: 2"),
        ("X: y\r\n folded: 1", "Content-Length: 2"),
        ("Content-Length: 2\n",),
        ("X: a\rContent-Length: 2",),
        ("X\x00: 1", "Content-Length: 2"),
    ):
        body = b"2\r\n{}\r\n0\r\n\r\n" + SMUGGLED
        answer = target.post(*headers, body=body)
        assert [status // 100 for status in statuses(answer)] in ([4], [5]), (headers, answer)
        assert b"connection: close" in answer.lower(), (headers, answer)
    assert target.submitted == 0


def test_chunks_that_are_none_are_refused(target: Target) -> None:
    for body in (
        b"2\n{}\r\n0\r\n\r\n",
        b"-2\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}0\r\n\r\n",
        b"zz\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{",
    ):
        answer = target.post("Transfer-Encoding: chunked", body=body + SMUGGLED)
        assert [status // 100 for status in statuses(answer)][:1] != [2], (body, answer)
        assert b'"daemon"' not in answer, (body, answer)
    assert target.submitted == 0


def test_targets_and_hosts_of_others_are_refused(target: Target) -> None:
    port, token = target.port, target.token
    for line, host in (
        ("POST http://127.0.0.1/async-process/?process=noop HTTP/1.1", f"127.0.0.1:{port}"),
        ("POST //evil.example/async-process/?process=noop HTTP/1.1", "evil.example"),
        ("OPTIONS * HTTP/1.1", f"127.0.0.1:{port}"),
        ("CONNECT 127.0.0.1:80 HTTP/1.1", f"127.0.0.1:{port}"),
        ("POST /async-process/?process=noop HTTP/1.1", "evil.example"),
        ("POST /async-process/?process=noop HTTP/1.1", "127.0.0.1.evil.example"),
        ("POST /async-process/?process=noop HTTP/1.1", "localhost@evil.example"),
        ("POST /async-process/?process=noop HTTP/1.1", "127.0.0.1:80:80"),
        ("POST /async-process/?process=noop HTTP/1.1", ""),
        ("POST /async-process/?process=noop HTTP/1.1", f"127.0.0.1:{port}\r\nHost: evil.example"),
        ("POST /async-process/?process=noop HTTP/2.0", f"127.0.0.1:{port}"),
    ):
        request = f"{line}\r\nHost: {host}\r\nX-TOKEN: {token}\r\n\r\n".encode()
        answer = exchange(port, request)
        assert [status // 100 for status in statuses(answer)] in ([4], [5]), (line, host, answer)
    for request in (
        b"POST /async-process/?process=noop HTTP/1.1\r\n",
        b"POST /async-process/?process=noop HTTP/1.0\r\n",
    ):
        answer = exchange(port, request + f"X-TOKEN: {token}\r\n\r\n".encode())
        assert statuses(answer) in ([400], [403]), answer
    assert target.submitted == 0


def test_the_names_of_this_machine_and_those_allowed_are_known(jobctl: Jobctl, serve: StartServe, home: Path) -> None:
    served = serve("--allowed-host", "jobs.example.org")
    with served.client() as client:
        for host in ("localhost", "127.0.0.1:1", "[::1]:8099", "LOCALHOST", "jobs.example.org:443", "Jobs.Example.Org"):
            assert client.get("/healthz", headers={"Host": host}).status_code == 200, host
        for host in ("example.org", "0.0.0.0", "[::2]", "jobs.example.org.evil.example"):
            refused = client.get("/healthz", headers={"Host": host})
            assert refused.status_code == 403 and "--allowed-host" in refused.json()["error"]["message"], host


def test_pages_from_elsewhere_are_refused_before_anything_else(target: Target) -> None:
    with target.served.client(target.token) as client:
        address = "/async-process/?process=noop"
        for origin in ("https://evil.example", "null", "http://localhost", f"https://127.0.0.1:{target.port}"):
            assert client.post(address, headers={"Origin": origin}).status_code == 403, origin
        assert client.post(address, headers={"Origin": target.served.url}).status_code == 202
        # What a page may send anywhere without being asked.
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
            refused = client.post(address, content=b"{}", headers={"Content-Type": kind})
            assert refused.status_code == 415, kind
        assert client.options(address, headers={"Access-Control-Request-Method": "POST"}).status_code == 405
        answer = client.get("/healthz")
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_bodies_are_bounded_and_nothing_of_them_is_kept(target: Target) -> None:
    port = target.port
    large = 2 * 1024 * 1024
    assert statuses(target.post(f"Content-Length: {large}", body=b"[")) == [413]
    chunk = b"10000\r\n" + b"1" * 0x10000 + b"\r\n"
    answer = exchange(port, post(port, target.token, "Transfer-Encoding: chunked"), *[chunk] * 40)
    assert statuses(answer) == [413]
    assert statuses(target.post("Content-Encoding: gzip", "Content-Length: 2", body=b"{}")) == [415]
    head = exchange(port, f"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: {'y' * 40_000}\r\n\r\n".encode())
    assert statuses(head) in ([400], [431])
    assert target.submitted == 0


def test_every_failure_has_one_form(target: Target) -> None:
    with target.served.client(target.token) as client:
        for answer in (
            client.get("/nothing"),
            client.post("/healthz"),
            client.get("/metrics"),
            client.get("/healthz", headers={"Host": "evil.example"}),
        ):
            error = answer.json()["error"]
            assert set(error) == {"code", "message"} and answer.status_code >= 400, answer.text
            assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    malformed = exchange(target.port, b"nonsense\r\n\r\n")
    assert statuses(malformed) == [400] and b'"BadRequest"' in malformed
