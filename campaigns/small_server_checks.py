"""What must be true when the small server has come to rest: each occurrence, artefact and step is accounted for."""

from __future__ import annotations

import gzip
import os
import sqlite3
import statistics
import tarfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import apsw

from campaigns.small_server_jobs import LINES, ROWS, STEPS, ServerJob, World, page

Row = dict[str, Any]
NOT_RUN = {"overlap", "missed", "unscheduled"}


class Checks:
    """Collects violations, in words, in `found`."""

    def __init__(self, home: Path, world: World, jobs: list[ServerJob], rows: list[Row]) -> None:
        self.home = home
        self.world = world
        self.directory = world.directory
        self.jobs = jobs
        self.rows = sorted(rows, key=lambda row: row["sequence"])
        self.of: dict[str, list[Row]] = defaultdict(list)
        for row in self.rows:
            self.of[row["job"]].append(row)
        self.found: list[str] = []

    def all(self, starts: Mapping[str, datetime], squares: Mapping[int, int], kept: list[Path]) -> None:
        for job in self.jobs:
            self.endings(job)
            if job.every is not None:
                self.occurrences(job, starts.get(job.name))
        checks = (self.witness, self.archives, self.backups, self.app_log, self.fetched, self.retries)
        for check in (*checks, self.steps, self.chain, self.rest):
            self.guarded(check)
        self.guarded(lambda: self.reports(squares))
        self.guarded(lambda: self.cleaned(kept))

    def guarded(self, check: Callable[[], None]) -> None:
        """What is broken so badly that a check cannot read it is a violation, not the end of the checks."""
        try:
            check()
        except Exception as error:
            self.found.append(f"a check ended with {error!r}")

    def expect(self, condition: object, violation: str) -> None:
        if not condition:
            self.found.append(violation)

    def ran(self, name: str) -> Iterator[Row]:
        """Its system jobs that succeeded."""
        return (row for row in self.of[name] if row["status"] == "succeeded")

    # The ledger

    def endings(self, job: ServerJob) -> None:
        for row in self.of[job.name]:
            ending = (row["status"], row["reason"])
            allowed = ending == job.expects or (row["status"] == "canceled" and row["reason"] in NOT_RUN)
            self.expect(allowed, f"#{row['sequence']} {job.name} ended as {ending}: {row['message']}")
            ran = row["status"] != "canceled"
            self.expect(
                ran == (row["started_on"] is not None), f"#{row['sequence']}: {ending}, but {row['started_on']}"
            )
            if job.expects[1] == "timeout" and ran:
                took = row["execution_time_span"]
                self.expect(1.5 <= took < 10, f"#{row['sequence']} timed out after {took} s")

    def occurrences(self, job: ServerJob, start: datetime | None) -> None:
        """Each planned instant, from the first to the last, has one record or is counted in one."""
        step = timedelta(seconds=job.every or 60)
        rows = sorted((row for row in self.of[job.name] if row["occurrence_at"]), key=lambda row: instant(row))
        self.expect(rows, f"{job.name} has no occurrence")
        expected = start if start is not None or not rows else instant(rows[0]).replace(second=0, microsecond=0)
        for row in rows:
            at = instant(row)
            self.expect(at == expected, f"{job.name}: {expected} is not accounted for, #{row['sequence']} is for {at}")
            self.expect(
                (row["dropped"] or 0) == 0 or row["reason"] == "missed",
                f"#{row['sequence']} dropped without being missed",
            )
            expected = at + step * max(row["dropped"] or 0, 1)
        if rows:
            last = rows[-1]
            self.expect(
                last["reason"] == "unscheduled", f"{job.name}: #{last['sequence']}, the last, is not the pending one"
            )

    def witness(self) -> None:
        """Every attempt began once, and what succeeded came to its own end."""
        seen = Counter((self.directory / "witness").read_text().splitlines())
        for line, count in seen.items():
            self.expect(count == 1, f"the witness saw {line!r} {count} times")
        names = {job.name for job in self.jobs if job.witnessed}
        begun = {f"S {row['sequence']} {n}" for row in self.rows if row["job"] in names for n in attempts(row)}
        starts = {line for line in seen if line.startswith("S")}
        self.expect(begun == starts, f"begun by record or by witness only: {sorted(begun ^ starts)}")
        ends = {line for line in seen if line.startswith("E")}
        succeeded = {f"E {row['sequence']} {row['attempt']}" for name in names for row in self.ran(name)}
        self.expect(ends == succeeded, f"ended by record or by witness only: {sorted(ends ^ succeeded)}")

    # Artefacts

    def archives(self) -> None:
        paths = {f"{row['sequence']}.tar.gz" for row in self.ran("archive")}
        self.expect(
            paths == {path.name for path in self.directory.glob("out/*.tar.gz")}, "archives are not those of runs"
        )
        for name in paths:
            with tarfile.open(self.directory / "out" / name) as archive:
                members = [member for member in archive if member.isfile()]
                held = {member.name: file.read() for member in members if (file := archive.extractfile(member))}
            self.expect(held == self.world.files, f"{name} does not hold what was archived")

    def backups(self) -> None:
        counts = []
        for row in self.ran("backup"):
            name = f"backup-{row['sequence']}.db"
            database = sqlite3.connect(self.directory / "out" / name)
            try:
                (answer,) = database.execute("PRAGMA integrity_check").fetchone()
                count, total = database.execute("SELECT count(*), coalesce(sum(amount), 0) FROM entries").fetchone()
            except sqlite3.Error as error:
                self.found.append(f"{name}: {error}")
                continue
            finally:
                database.close()
            self.expect((answer, total, count % 2) == ("ok", 0, 0), f"{name}: {answer}, {count} rows of sum {total}")
            counts.append((row["started_on"], count))
        growing = [count for _, count in sorted(counts)]
        self.expect(growing == sorted(growing) and any(growing), f"backups do not grow: {growing}")

    def app_log(self) -> None:
        """Rotated, compressed and analysed: no line lost, doubled or out of order."""
        by_start = {str(row["sequence"]): row["started_on"] for row in self.ran("rotate")}
        rotated = sorted(self.directory.glob("rotated/*"), key=lambda path: by_start.get(path.name.split(".")[0], ""))
        self.expect(all(path.suffix == ".gz" for path in rotated), "something was rotated but not compressed")
        lines = [line for path in rotated for line in gzip.decompress(path.read_bytes()).decode().splitlines()]
        if (self.directory / "app.log").exists():
            lines += (self.directory / "app.log").read_text().splitlines()
        talkers = sorted(self.ran("chatter"), key=lambda row: str(row["started_on"]))
        expected = [f"{row['sequence']} {number}" for row in talkers for number in range(1, LINES + 1)]
        self.expect(lines == expected, f"{len(lines)} lines in the logs, {len(expected)} written, or in another order")
        for row in self.ran("analyse"):
            text = (self.directory / f"out/analysis-{row['sequence']}").read_text()
            whole = all(line.endswith(f" {LINES}") for line in text.splitlines())
            self.expect(whole, f"the analysis of #{row['sequence']} saw half a run")

    def fetched(self) -> None:
        for row in self.ran("fetch"):
            body = (self.directory / f"out/fetch-{row['sequence']}").read_bytes()
            self.expect(body == page(str(row["sequence"])), f"#{row['sequence']} fetched something else")
        for row in self.ran("usage"):
            text = (self.directory / f"out/usage-{row['sequence']}").read_text().split()
            self.expect(text[0].isdecimal() and text[1] == "data", f"#{row['sequence']}: {text}")

    def reports(self, squares: Mapping[int, int]) -> None:
        for row in self.ran("report"):
            right = {"rows": ROWS, "totals": dict(self.world.totals)}
            self.expect(row["result"] == right, f"#{row['sequence']} reports {row['result']}")
            self.expect(
                (row["progress"], row["stage"]) == (100.0, "adding up"), f"#{row['sequence']}: {row['progress']}"
            )
        results = {row["sequence"]: row["result"] for row in self.ran("square")}
        expected = {sequence: {"n": n, "square": n * n} for sequence, n in squares.items()}
        self.expect(results == expected, f"squares: {len(results)} of {len(expected)} right")
        once = (self.directory / "once.log").read_text().split()
        self.expect(once == [str(row["sequence"]) for row in self.of["once"]], f"once ran {once}")

    def cleaned(self, kept: list[Path]) -> None:
        last = max((datetime.fromisoformat(row["started_on"]) for row in self.ran("clean")), default=None)
        self.expect(last, "clean never ran")
        self.expect(all(path.exists() for path in kept), "clean deleted what was to be kept")
        if last is not None:
            old = [
                path for path in self.directory.glob("spool/*.tmp") if path.stat().st_mtime < last.timestamp() - 0.05
            ]
            self.expect(not old, f"clean left {len(old)} files")

    def retries(self) -> None:
        """Every third execution failed, and was tried again at once."""
        lines = [tuple(map(int, line.split())) for line in (self.directory / "flaky.log").read_text().splitlines()]
        self.expect([n for _, _, n in lines] == list(range(1, len(lines) + 1)), "flaky executions were lost or doubled")
        by_run: dict[int, list[int]] = defaultdict(list)
        for sequence, attempt, n in lines:
            by_run[sequence].append(n)
            self.expect(attempt == len(by_run[sequence]), f"#{sequence}: execution {n} was attempt {attempt}")
        for row in self.ran("flaky"):
            counts = by_run[row["sequence"]]
            right = [n % 3 == 0 for n in counts] == [True] * (len(counts) - 1) + [False]
            same = row["attempt"] == len(counts) == row["retry_count"] + 1
            self.expect(right and same, f"#{row['sequence']}: attempt {row['attempt']} after executions {counts}")

    def steps(self) -> None:
        """No step of the paused counter is missing or doubled."""
        by_run: dict[int, list[int]] = defaultdict(list)
        for line in (self.directory / "steps").read_text().splitlines():
            sequence, step = line.split()
            by_run[int(sequence)].append(int(step))
        expected = {row["sequence"]: list(range(1, STEPS + 1)) for row in self.ran("counter")}
        self.expect(by_run == expected, "the counter's steps are not those of its runs")

    def chain(self) -> None:
        """The token's holders never overlap and begin in the order of their planned instants."""
        lines = [line.split() for line in (self.directory / "chain").read_text().splitlines()]
        pairs = list(zip(lines[0::2], lines[1::2], strict=False))
        whole = all((a[0], b[0]) == ("B", "E") and a[1] == b[1] for a, b in pairs) and len(lines) % 2 == 0
        self.expect(whole, "two links of the chain overlapped")
        planned = {row["sequence"]: row["occurrence_at"] for row in self.rows}
        order = [planned[int(begin[1])] for begin, _ in pairs]
        self.expect(order == sorted(order), "the chain did not keep its order")

    # What is left

    def rest(self) -> None:
        left = {pid: words for pid, words in processes() if os.fsencode(self.home) in words}
        self.expect(not left, f"processes are left: {left}")
        database = apsw.Connection(str(self.home / "jobctl.db"), flags=apsw.SQLITE_OPEN_READONLY)
        answers = database.execute("PRAGMA integrity_check").fetchall()
        database.close()
        self.expect(answers == [("ok",)], f"the database: {answers}")

    def table(self, figures: Mapping[str, object]) -> None:
        """Print a line for each job, and the figures."""
        head = ("job", "records", "succeeded", "failed", "skipped", "missed", "attempts")
        print("{:10}{:>9}{:>11}{:>8}{:>9}{:>8}{:>10}".format(*head))
        for job in self.jobs:
            rows = self.of[job.name]
            count = Counter(row["status"] for row in rows)
            skipped = sum(row["reason"] == "overlap" for row in rows)
            missed, tried = sum(row["dropped"] or 0 for row in rows), sum(row["attempt"] for row in rows)
            numbers = (len(rows), count["succeeded"], count["failed"], skipped, missed, tried)
            print("{:10}{:9}{:11}{:8}{:9}{:8}{:10}".format(job.name, *numbers))
        late = sorted(lateness(row) for row in self.rows if row["started_on"] and row["attempt"] == 1) or [0.0]
        shown = {
            "system jobs": len(self.rows),
            **figures,
            "started after due, median s": round(statistics.median(late), 3),
            "started after due, 99 % s": round(late[int(len(late) * 0.99)], 3),
        }
        for name, value in shown.items():
            print(f"{name:28} {value}")


def instant(row: Row) -> datetime:
    return datetime.fromisoformat(row["occurrence_at"])


def lateness(row: Row) -> float:
    """Seconds from when it might run to its beginning."""
    return (datetime.fromisoformat(row["started_on"]) - datetime.fromisoformat(row["due_at"])).total_seconds()


def attempts(row: Row) -> range:
    return range(1, row["attempt"] + 1)


def processes() -> Iterator[tuple[int, bytes]]:
    """Every process, with its arguments and environment."""
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            directory = Path("/proc") / entry
            yield int(entry), (directory / "cmdline").read_bytes() + b"\0" + (directory / "environ").read_bytes()
        except OSError:
            continue
