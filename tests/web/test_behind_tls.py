"""Behind a proxy that has the certificate: what is for https holds, because the command says so, and never a header."""

from __future__ import annotations

import pytest

from tests.conftest import Jobctl
from tests.web.conftest import StartServe

NAME = "jobs.example.org"
FORWARDED = {
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Ssl": "on",
    "X-Forwarded-Host": NAME,
    "Forwarded": f"for=127.0.0.1;proto=https;host={NAME}",
    "X-Forwarded-For": "127.0.0.1",
}


def test_it_takes_requests_as_of_https(jobctl: Jobctl, serve: StartServe, token: str) -> None:
    jobctl("add", "noop", "--", "true", expect=0)
    served = serve("--behind-tls", "--allowed-host", NAME)
    assert served.url.startswith("http://127.0.0.1:")  # it has no certificate itself
    with served.client(token) as client:
        answer = client.get("/healthz", headers={"Host": NAME})
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        for origin, status in (
            (f"https://{NAME}", 202),
            (f"http://{NAME}", 403),
            ("https://evil.example", 403),
            (f"https://{NAME}.evil.example", 403),
            ("null", 403),
        ):
            headers = {"Host": NAME, "Origin": origin}
            assert client.post("/async-process/?process=noop", headers=headers).status_code == status, origin
        page = client.get("/api/data/v9.0/", headers={"Host": NAME}).json()
        assert page["@odata.context"] == f"https://{NAME}/api/data/v9.0/$metadata"
        assert client.get("/healthz", headers={"Host": "evil.example"}).status_code == 403
        assert client.get("/healthz").status_code == 200  # a probe on this machine needs no proxy


@pytest.mark.parametrize("options", [(), ("--behind-tls",)])
def test_what_headers_say_of_a_proxy_counts_for_nothing(
    jobctl: Jobctl, serve: StartServe, token: str, options: tuple[str, ...]
) -> None:
    jobctl("add", "noop", "--", "true", expect=0)
    served = serve(*options, "--allowed-host", NAME)
    with served.client(token) as client:
        client.headers.update(FORWARDED)
        answer = client.get("/healthz")
        assert ("strict-transport-security" in answer.headers) == bool(options)
        for host, status in ((NAME, 200), ("evil.example", 403)):
            assert client.get("/metrics", headers={"Host": host}).status_code == status
        other = "http" if options else "https"
        page = {"Host": NAME, "Origin": f"{other}://{NAME}"}
        assert client.post("/async-process/?process=noop", headers=page).status_code == 403
        assert client.get("/metrics", headers={"X-TOKEN": "", "X-Forwarded-For": "127.0.0.1"}).status_code == 401


def test_it_is_not_for_one_with_a_certificate(jobctl: Jobctl) -> None:
    refused = jobctl("serve", "--behind-tls", "--certificate", "/dev/null", "--private-key", "/dev/null", expect=2)
    assert "--behind-tls is for a proxy that has the certificate" in refused.stderr


def test_who_lets_others_reach_the_port_is_told(jobctl: Jobctl, serve: StartServe, token: str) -> None:
    served = serve("--behind-tls", "--host", "0.0.0.0", "--allowed-host", NAME)
    assert "tokens travel unencrypted from the proxy to here; let nobody else reach this port" in served.output
