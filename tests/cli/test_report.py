"""`jobctl report`."""

from __future__ import annotations

import pytest

from tests.conftest import Jobctl, StartDaemon, WaitUntil


def test_reports_are_seen_and_last(jobctl: Jobctl, daemon: StartDaemon, wait_until: WaitUntil) -> None:
    daemon()
    report = " ".join(jobctl.command("report"))
    script = (
        f"{report} --progress 40% --stage rendering --message first && {report} --message 'page 3' --json; sleep 100"
    )
    jobctl("add", "one", "--env", f"PYTHONPATH={jobctl.environment['PYTHONPATH']}", "--command", script, expect=0)
    jobctl("run", "one", expect=0)

    def reported() -> bool:
        found = jobctl("show", "1", "--json", expect=0).json["system_job"]
        return (found["progress"], found["stage"], found["message"]) == (40.0, "rendering", "page 3")

    wait_until(reported)
    assert '"reported": {"sequence": 1' in jobctl("logs", "1", expect=0).stdout
    jobctl("cancel", "1", "--wait", expect=0)


def test_outside_a_run(jobctl: Jobctl) -> None:
    found = jobctl("report", "--progress", "3", expect=2)
    assert found.stderr.startswith("jobctl: this is not inside a run")


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ((), "nothing to report"),
        (("--progress", "101"), "is not a percentage"),
        (("--progress", "nan"), "is not a percentage"),
        (("--progress", "half"), "is not a percentage"),
        (("--stage", "x" * 1001), "at most 1000"),
        (("--message", "\x1b[2J"), "control character"),
    ],
)
def test_bad_input(jobctl: Jobctl, args: tuple[str, ...], sentence: str) -> None:
    inside = {"JOBCTL_RUN": "0123456789abcdef", "JOBCTL_SEQUENCE": "1"}
    found = jobctl("report", *args, expect=2, env=inside)
    assert sentence in found.stderr and found.stderr.count("\n") == 1


def test_the_runner_is_gone(jobctl: Jobctl) -> None:
    inside = {"JOBCTL_RUN": "0123456789abcdef", "JOBCTL_SEQUENCE": "1"}
    found = jobctl("report", "--progress", "1", expect=75, env=inside)
    assert found.stderr.startswith("jobctl: the runner of this run does not answer")
