"""The world of the small server: its files, its jobs, and what they must come to."""

from __future__ import annotations

import csv
import hashlib
import random
import shutil
import sqlite3
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

ROWS: Final = 100_000
LINES: Final = 20
"""Lines that one run of `chatter` appends."""
STEPS: Final = 30
"""Steps of one run of `counter`."""

REPORT: Final = '''
import csv
from collections import Counter
import jobctl

def totals(path="sales.csv"):
    """Cents by region."""
    run = jobctl.current()
    found = Counter()
    with open(path, newline="") as file:
        for number, (region, cents) in enumerate(csv.reader(file), 1):
            found[region] += int(cents)
            if number % 20_000 == 0:
                run.progress(number / 1000, stage="adding up")
    return {"rows": number, "totals": found}

def square(n):
    return {"n": n, "square": n * n}
'''

WRITER: Final = """
import sqlite3, sys, time
database = sqlite3.connect("live.db", timeout=30)
until = time.monotonic() + float(sys.argv[1])
while time.monotonic() < until:
    with database:
        database.execute("INSERT INTO entries(amount) VALUES (7)")
        database.execute("INSERT INTO entries(amount) VALUES (-7)")
    time.sleep(0.01)
database.close()
"""

BACKUP: Final = """
import sqlite3, sys
source, target = sqlite3.connect("live.db", timeout=30), sqlite3.connect(sys.argv[1])
source.backup(target, pages=50)
target.close()
"""

FETCH: Final = """
import shutil, sys, urllib.request
with urllib.request.urlopen(sys.argv[1], timeout=20) as page, open(sys.argv[2], "wb") as file:
    shutil.copyfileobj(page, file)
"""

COUNTER: Final = 'i=0; while [ $i -lt {steps} ]; do i=$((i+1)); echo "$JOBCTL_SEQUENCE $i" >>steps; sleep 0.1; done'

FLAKY: Final = (
    "n=$(($(cat flaky.count) + 1)); echo $n >flaky.new; mv flaky.new flaky.count;"
    ' echo "$JOBCTL_SEQUENCE $JOBCTL_ATTEMPT $n" >>flaky.log; [ $((n % 3)) -ne 0 ]'
)
ROTATE: Final = "if [ -e app.log ]; then mv app.log rotated/$JOBCTL_SEQUENCE.log; gzip rotated/$JOBCTL_SEQUENCE.log; fi"
COUNT: Final = "awk '{n[$1]++} END {for (k in n) print k, n[k]}'"
ANALYSE: Final = (
    f'for f in rotated/*.gz; do [ ! -e "$f" ] || gzip -dc "$f"; done | {COUNT} >out/analysis-$JOBCTL_SEQUENCE'
)
LINK: Final = 'echo "B $JOBCTL_SEQUENCE" >>chain; sleep 0.2; echo "E $JOBCTL_SEQUENCE" >>chain'


@dataclass(frozen=True)
class ServerJob:
    """One job of the server; `every` is its schedule in seconds, 0 for cron's every minute, None for none."""

    name: str
    every: int | None
    run: tuple[str, ...]
    options: tuple[str, ...] = ()
    expects: tuple[str, str | None] = ("succeeded", None)
    witnessed: bool = True
    """Whether its runs write to the witness at their start and end."""


class Site(ThreadingHTTPServer):
    """A web server on the loopback whose pages are known beforehand."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Page)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = page(urlsplit(self.path).path.lstrip("/"))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """The campaign's output is its table."""


def page(name: str) -> bytes:
    """The body of a page: about 64 KB that depend on its name."""
    return b"".join(hashlib.sha256(f"{name}.{number}".encode()).digest() for number in range(2000))


def witnessed(text: str) -> str:
    """A shell text that tells the witness of its start and its good end."""
    mark = 'echo "{} $JOBCTL_SEQUENCE $JOBCTL_ATTEMPT" >>witness'
    return f"set -e; {mark.format('S')}; {text}; {mark.format('E')}"


class World:
    """Everything outside jobctl that the jobs work on, under one directory."""

    def __init__(self, directory: Path, chance: random.Random) -> None:
        self.directory = directory
        self.chance = chance
        self.site = Site()
        self.files: dict[str, bytes] = {}
        self.totals: Counter[str] = Counter()

    def make(self) -> None:
        for name in ("data/sub", "out", "rotated", "spool"):
            (self.directory / name).mkdir(parents=True)
        for number in range(40):
            self.files[f"./sub/{number}.bin" if number % 2 else f"./{number}.txt"] = self.chance.randbytes(20_000)
        for path, content in self.files.items():
            (self.directory / "data" / path).write_bytes(content)
        self._make_sales()
        database = sqlite3.connect(self.directory / "live.db")
        database.execute("PRAGMA journal_mode = wal")
        database.execute("CREATE TABLE entries (id INTEGER PRIMARY KEY, amount INTEGER)")
        database.close()
        scripts = {"reports.py": REPORT, "writer.py": WRITER, "backup.py": BACKUP, "fetch.py": FETCH}
        for name, text in {**scripts, "flaky.count": "0\n", "witness": ""}.items():
            (self.directory / name).write_text(text)

    def _make_sales(self) -> None:
        with (self.directory / "sales.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            for _ in range(ROWS):
                region, cents = self.chance.choice(["north", "south", "east", "west"]), self.chance.randrange(100_000)
                writer.writerow([region, cents])
                self.totals[region] += cents

    def jobs(self, python: str) -> list[ServerJob]:
        """What the server runs."""
        fetch = "curl -fsS -o out/fetch-$JOBCTL_SEQUENCE" if shutil.which("curl") else None
        url = f"{self.site.url}/$JOBCTL_SEQUENCE"
        fetch = f"{fetch} {url}" if fetch else f"{python} fetch.py {url} out/fetch-$JOBCTL_SEQUENCE"
        backup = "out/backup-$JOBCTL_SEQUENCE.db"
        backup = (
            f"sqlite3 -cmd '.timeout 20000' live.db '.backup {backup}'".replace(
                "$JOBCTL_SEQUENCE", "'$JOBCTL_SEQUENCE'"
            )
            if shutil.which("sqlite3")
            else f"{python} backup.py {backup}"
        )
        archive = "tar czf out/new-$JOBCTL_SEQUENCE -C data .; mv out/new-$JOBCTL_SEQUENCE out/$JOBCTL_SEQUENCE.tar.gz"
        chatter = f'for i in $(seq {LINES}); do echo "$JOBCTL_SEQUENCE $i" >>app.log; done'
        applog, ledger = ("--token", "applog"), ("--token", "ledger")
        return [
            shell("archive", 10, archive),
            shell("writer", 5, f"{python} writer.py 4"),
            shell("backup", 7, backup),
            shell("chatter", 3, chatter, *applog),
            shell("rotate", 6, ROTATE, *applog),
            shell("analyse", 8, ANALYSE, *applog),
            shell("fetch", 4, fetch),
            ServerJob("report", 9, ("--callable", "reports:totals"), ("--timeout", "60s"), witnessed=False),
            ServerJob("clean", 9, ("--", "find", "spool", "-name", "*.tmp", "-delete"), witnessed=False),
            shell("flaky", 3, FLAKY, "--retries", "3", "--retry-delay", "0.2s"),
            shell("endless", 11, "sleep 60", "--timeout", "1.5s", "--grace", "1s", expects=("failed", "timeout")),
            shell("counter", 6, COUNTER.format(steps=STEPS)),
            *(shell(f"link-{letter}", 7, LINK, *ledger) for letter in "abc"),
            shell("usage", 12, "du -sk data >out/usage-$JOBCTL_SEQUENCE"),
            shell("minutely", 0, "date"),
            ServerJob("square", None, ("--callable", "reports:square"), witnessed=False),
            shell("once", None, "echo $JOBCTL_SEQUENCE >>once.log"),
        ]


def shell(
    name: str, every: int | None, text: str, *options: str, expects: tuple[str, str | None] = ("succeeded", None)
) -> ServerJob:
    return ServerJob(name, every, ("--command", witnessed(text)), options, expects)
