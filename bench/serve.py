"""What a request costs: `python -m bench.serve [--short] [--json]`.

A number of clients submit a job to `jobctl serve`, each its next one once the last is answered; 202 means that it is
committed, safe from a power cut. Beside it, in turns, a bare Starlette handler under the same server, which reads a
body, stores nothing and answers as much: the floor. No daemon runs, so that only taking requests is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bench.machine import describe

CLIENTS: Final = (1, 50, 500)
ROUNDS: Final = 3
SECONDS: Final = 4.0
BODY: Final = b'{"invoice": {"month": "2026-11", "lines": 12}}'
BARE: Final = """
import socket, sys
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

async def start(request):
    await request.json()
    return JSONResponse({"id": "3F2504E04F8941D39A0C0305E82C3301", "status": "OK"}, 202)

listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
listener.bind(("127.0.0.1", 0))
listener.listen(2048)
print(listener.getsockname()[1], flush=True)
app = Starlette(routes=[Route("/async-process/", start, methods=["POST"])])
config = uvicorn.Config(app, http="h11", loop="asyncio", ws="none", log_level="error", access_log=False)
uvicorn.Server(config).run([listener])
"""


class Client:
    """One connection that is kept, and the times of its requests in seconds."""

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        head = (
            f"POST /async-process/?process=noop HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-TOKEN: {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
        )
        self.request = head.encode() + BODY
        self.times: list[float] = []

    async def connect(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    async def run(self, until: float) -> None:
        """Once at least."""
        reader, writer = self.reader, self.writer
        while (begun := time.perf_counter()) < until or not self.times:
            writer.write(self.request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 202"):
                raise SystemExit(f"answered {head!r}")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
            await reader.readexactly(length)
            self.times.append(time.perf_counter() - begun)
        writer.close()


async def load(port: int, token: str, clients: int, seconds: float) -> dict[str, float]:
    """Requests a second, and milliseconds of an answer."""
    all_ = [Client(port, token) for _ in range(clients)]
    await asyncio.gather(*(client.connect() for client in all_))
    begun = time.perf_counter()
    await asyncio.gather(*(client.run(begun + seconds) for client in all_))
    took = time.perf_counter() - begun
    times = sorted(value for client in all_ for value in client.times)
    at = {name: times[min(len(times) - 1, int(len(times) * share))] * 1000 for name, share in SHARES.items()}
    return {"rate": len(times) / took, **at}


SHARES: Final = {"p50": 0.5, "p99": 0.99, "max": 1.0}


@contextmanager
def bare() -> Iterator[tuple[int, str]]:
    process = subprocess.Popen([sys.executable, "-c", BARE], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline()), "none"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def jobctl(home: Path) -> Iterator[tuple[int, str]]:
    environment = {**os.environ, "JOBCTL_HOME": str(home)}

    def command(*args: str) -> list[str]:
        return [sys.executable, "-m", "jobctl", *args]

    def output(*args: str) -> str:
        return subprocess.run(command(*args), env=environment, check=True, capture_output=True, text=True).stdout

    output("add", "noop", "--", "true")
    token = output("token", "create", "bench", "--scope", "submit").strip()
    serve = command("serve", "--port", "0", "--json")
    process = subprocess.Popen(serve, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["serve"]["url"]
        yield int(url.rpartition(":")[2]), token
    finally:
        process.terminate()
        process.wait()


def measure(short: bool) -> list[dict[str, Any]]:
    """Each contestant in turns, the order changing; medians of the rounds."""
    seconds, rounds = (0.3, 1) if short else (SECONDS, ROUNDS)
    found: dict[tuple[str, int], list[dict[str, float]]] = {}
    for clients in CLIENTS:
        for turn in range(rounds):
            with (
                tempfile.TemporaryDirectory(prefix="jobctl-bench-") as home,
                bare() as floor,
                jobctl(Path(home)) as own,
            ):
                contestants = {"jobctl serve": own, "bare Starlette": floor}
                for name in sorted(contestants, reverse=turn % 2 == 0):
                    figures = asyncio.run(load(*contestants[name], clients, seconds))
                    found.setdefault((name, clients), []).append(figures)
    return [
        {"name": name, "clients": clients, **{key: statistics.median(one[key] for one in runs) for key in runs[0]}}
        for (name, clients), runs in found.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.serve", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a little, to see that it works")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    socket.setdefaulttimeout(30)
    rows = measure(options.short)
    if options.json:
        print(json.dumps({"machine": describe(), "rows": rows}, indent=2))
        return
    print(f"{'':16} {'clients':>7} {'a second':>9} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8}")
    for row in rows:
        figures = " ".join(f"{row[key]:8.2f}" for key in SHARES)
        print(f"{row['name']:16} {row['clients']:7} {row['rate']:9.0f} {figures}")


if __name__ == "__main__":
    main()
