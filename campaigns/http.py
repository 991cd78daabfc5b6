"""Ask a real `jobctl serve` whatever its OpenAPI document allows, and what it does not; hold each answer against it.

python -m campaigns.http --examples 1000 --seed 7

Schemathesis makes the requests: those of the document's examples, the bounds of each parameter, random ones that fit or
break it, and chains of them, beside a daemon that runs what is submitted. No answer may be 5xx or undeclared, none a
success without a token or for what the document forbids, and each has the form and the type that are declared. Not
asked: that whatever fits the document is taken, for it does not tell the grammar of `$filter` and the like.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

import jobctl
from campaigns import victims
from jobctl.web.openapi import METHODS

ROOT = Path(__file__).resolve().parent.parent
AZURE = ("monthly", "yearly", "nightly", "weekly")
"""Azure's jobs, each that of the job of its name. The first two are deleted, by either address; the others stay."""
JOBS = {
    "noop": ("true",),
    "bad": ("--retries", "1", "--retry-delay", "0s", "--", "false"),
    "slow": ("--", "sleep", "0.2"),
    "later": ("--every", "1h", "--start", "in 1h", "--", "true"),
    **dict.fromkeys(AZURE, ("true",)),
}
NOT_ASKED = "positive_data_acceptance"
REQUEST_TIMEOUT = 10
ROUNDS = 3
"""Seeds at most, until each operation has succeeded once."""
WAITING = 80
"""System jobs for those requests that change one, and often leave none of it."""


class Trial:
    """One home with a past, its service and its daemon."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.answers = directory / "answers"
        self.log = directory / "serve.log"
        self.ids: dict[str, list[str]] = {}
        for name, words in JOBS.items():
            self.jobctl("add", name, *(words if "--" in words else ("--", *words)))
        self.token = self.jobctl("token", "create", "ci", "--scope", "read", "--scope", "submit", "--scope", "manage")

    def jobctl(self, *args: str) -> str:
        command = [sys.executable, "-m", "jobctl", *args]
        return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.strip()

    def make_past(self) -> None:
        """System jobs that ended in every way, and some that wait."""
        for name in ("noop", "bad", "slow", "noop"):
            for _ in range(5):
                self.jobctl("run", name, "--data", '{"invoice": 12}')
        self.jobctl("daemon", "--until-idle")
        self.ids["ended"] = self._known("completed")
        for number in range(WAITING):
            jobctl.submit("noop", at=f"in {number + 1}h")
        self.ids["all"] = [*self.ids["ended"], *self._known("suspended")]

    def _known(self, state: str) -> list[str]:
        rows = json.loads(self.jobctl("monitor", "--state", state, "--limit", "1000", "--json"))["system_jobs"]
        return [str(uuid.UUID(row["id"])) for row in rows]

    @contextmanager
    def served(self) -> Iterator[str]:
        """The address of the service; when it is over, both processes must still have been there."""
        serve = [sys.executable, "-m", "jobctl", "serve", "--port", "0", "--json"]
        daemon = [sys.executable, "-m", "jobctl", "daemon", "--slots", "2"]
        with (
            self.log.open("ab") as log,
            subprocess.Popen(serve, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True) as service,
            subprocess.Popen(daemon, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as runner,
        ):
            try:
                assert service.stdout is not None
                yield str(json.loads(service.stdout.readline())["serve"]["url"])
                self.alive = service.poll() is None and runner.poll() is None
            finally:
                service.terminate()
                runner.terminate()

    def ask(self, url: str, examples: int, seed: int) -> subprocess.CompletedProcess[str]:
        """Schemathesis, in a process of its own, one request at a time: so a seed makes the same requests again."""
        arguments = [
            *("run", "openapi.json", "--url", url, "--header", f"X-TOKEN: {self.token}", "--checks", "all"),
            *("--exclude-checks", NOT_ASKED, "--max-examples", str(examples), "--seed", str(seed)),
            *("--request-timeout", str(REQUEST_TIMEOUT), "--continue-on-failure", "--no-color", "--warnings", "off"),
            *("--generation-database", "none", "--generation-with-security-parameters", "false"),
        ]
        code = "from schemathesis.cli import schemathesis; schemathesis()"
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": "campaigns.http_hooks",
            "JOBCTL_CAMPAIGN_IDS": json.dumps(self.ids),
            "JOBCTL_CAMPAIGN_ANSWERS": str(self.answers),
        }
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=self.directory,
            env=environment,
            capture_output=True,
            text=True,
        )

    def make_azure_jobs(self, url: str) -> None:
        for name in AZURE:
            wanted = {"startTime": "2099-01-01", "action": {"type": "jobctl", "job": name}}
            httpx.put(f"{url}/azure/jobs/{name}", json=wanted, headers={"X-TOKEN": self.token}).raise_for_status()

    def operations(self, url: str) -> set[str]:
        """All that the document tells of; it is left in a file, for else its own address would not be tried."""
        answer = httpx.get(f"{url}/openapi.json", headers={"X-TOKEN": self.token})
        (self.directory / "openapi.json").write_bytes(answer.content)
        items = answer.json()["paths"].items()
        return {f"{method.upper()} {path}" for path, item in items for method in item if method in METHODS}


def tally(answers: Path) -> dict[str, Counter[int]]:
    """By operation, how many answers of each hundred there were."""
    found: dict[str, Counter[int]] = {}
    for line in answers.read_text(encoding="utf-8").splitlines():
        operation, _, status = line.rpartition(" ")
        found.setdefault(operation, Counter())[int(status) // 100] += 1
    return found


def succeeded(answers: Path) -> set[str]:
    """The operations that were answered with success."""
    return {name for name, count in tally(answers).items() if count[2]}


def run(directory: Path, examples: int, seed: int) -> list[str]:
    """What is wrong."""
    trial = Trial(directory)
    trial.make_past()
    with trial.served() as url:
        trial.make_azure_jobs(url)
        operations = trial.operations(url)
        all_said = [trial.ask(url, examples, seed)]
        # What chance gave nothing that leads to success, it gives another time.
        while len(all_said) < ROUNDS and operations - succeeded(trial.answers):
            all_said.append(trial.ask(url, examples, seed + len(all_said)))
    counts = tally(trial.answers)
    wrong = [said.stdout[-20_000:] + said.stderr[-4000:] for said in all_said if said.returncode]
    log = trial.log.read_text(encoding="utf-8", errors="replace")
    if not trial.alive or "Traceback" in log:
        wrong.append(f"the service or the daemon ended, or erred:\n{log[-4000:]}")
    if never := sorted(operations - succeeded(trial.answers)):
        wrong.append(f"never answered with success, so that nothing of it was shown: {', '.join(never)}")
    total = sum(counts.values(), Counter[int]())
    print(f"seed        {seed}")
    print(f"operations  {len(operations)}")
    print(
        f"answers     {total.total()}: "
        + ", ".join(f"{number} {hundred}xx" for hundred, number in sorted(total.items()))
    )
    print(f"violations  {len(wrong)}")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m campaigns.http", description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=500, help="random requests of each operation")
    parser.add_argument("--seed", type=int, default=None, help="for what is random; printed, else chosen")
    parser.add_argument("--keep", action="store_true", help="keep the home, also when all is well")
    chosen = parser.parse_args()
    seed = chosen.seed if chosen.seed is not None else random.SystemRandom().randrange(10**6)
    directory = Path(tempfile.mkdtemp(prefix="jobctl-http-"))
    for name in [name for name in os.environ if name.startswith("JOBCTL_")]:
        del os.environ[name]
    home = directory / "home"
    os.environ["JOBCTL_HOME"] = str(home)
    try:
        wrong = run(directory, chosen.examples, seed)
    finally:
        victims.end(victims.processes_of(home))
    for text in wrong:
        print(text, file=sys.stderr)
    if wrong or chosen.keep:
        print(f"everything is in {directory}", file=sys.stderr)
    else:
        shutil.rmtree(directory)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
