"""Answers that a worker writes down and tells of later: none is lost, late, out of order, or another run's."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from jobctl.model import Status
from jobctl.processes import members_of_run
from jobctl.runner.begun import ANSWER, MARKS, RING, Begun
from jobctl.runner.journal import Journal, begun_path, fed_record, read
from jobctl.runner.work import Work
from tests.conftest import wait_until
from tests.runner.calls import call, ended, numbers, outcomes, warm, witness
from tests.runner.harness import RunnerProcess
from tests.runner.test_journal import record, work


def test_quick_answers_are_written_down(runner: RunnerProcess) -> None:
    """What the other tests here rest upon: the file holds the answers of most of many."""
    warm(runner)
    works = [call(runner, "add", a=n) for n in range(300)]
    runner.submit(*works)
    assert [json.loads(outcome["result"])["sum"] for outcome in outcomes(runner, works)] == list(range(1, 301))
    content = Path(begun_path(runner.journal)).read_bytes()
    places = (MARKS + ANSWER.size * number for number in range(RING))
    assert sum(ANSWER.unpack_from(content, place)[0] > 0 for place in places) > 100


def test_those_before_one_that_goes_on_are_told_meanwhile(runner: RunnerProcess) -> None:
    warm(runner)
    quick = [call(runner, "add", a=n) for n in range(60)]
    runner.submit(*quick, call(runner, "waits_for_gate"), call(runner, "add", a=1))
    wait_until((runner.home / "ready").exists)
    assert {outcome["status"] for outcome in outcomes(runner, quick)} == {Status.SUCCEEDED}
    (runner.home / "gate").touch()


def test_written_and_sent_answers_keep_their_order_and_their_runs(runner: RunnerProcess) -> None:
    """Short results, long ones, others than ASCII, none, failures, output and reports, all mixed."""
    warm(runner)
    kinds = ("short", "long", "wide", "none", "fails", "says", "reports")
    kind_of = [kinds[(n * n + n // 7) % 7 if n % 3 else 0] for n in range(350)]
    works = [call(runner, "answers", kind=kind, number=n) for n, kind in enumerate(kind_of)]
    runner.submit(*works)
    for n, outcome in enumerate(outcomes(runner, works)):
        kind = kind_of[n]
        if kind == "fails":
            assert outcome["reason"] == "exception"
        elif kind == "none":
            assert outcome["result"] == "null"
        else:
            assert json.loads(outcome["result"])[0] == n
        assert outcome.get("stage") == (f"stage {n}" if kind == "reports" else None)
    assert ended(runner)[1:] == numbers(works)


def test_what_is_taken_back_at_any_moment_leaves_no_answer_unheard(runner: RunnerProcess) -> None:
    warm(runner)
    works = []
    for number in range(60):
        batch = [call(runner, "witness") for _ in range(40)]
        works += batch
        runner.submit(*batch)
        runner.daemon.outcome(batch[number % 7]["sequence"])
        runner.daemon.send("take_back", sequences=numbers(batch))
    wait_until(lambda: len(runner.daemon.all("returned")) == 60)
    returned = [sequence for message in runner.daemon.all("returned") for sequence in message["sequences"]]
    wait_until(lambda: len(ended(runner)) == 1 + len(works) - len(returned))
    assert {end["outcome"]["status"] for end in runner.daemon.all("end")} == {Status.SUCCEEDED}
    assert sorted(witness(runner) + returned) == numbers(works)


def test_a_killed_worker_has_lost_none(runner: RunnerProcess) -> None:
    for _ in range(10):
        pid = warm(runner)
        works = [call(runner, "witness") for _ in range(200)]
        before = len(ended(runner))
        runner.submit(*works)
        wait_until(lambda before=before: len(ended(runner)) > before + 5)  # type: ignore[misc]
        os.kill(pid, signal.SIGKILL)
        failed = [outcome for outcome in outcomes(runner, works) if outcome["status"] != Status.SUCCEEDED]
        assert [(outcome["reason"], outcome["signal"]) for outcome in failed] in ([], [("signal", 9)])
        seen = [sequence for sequence in witness(runner) if sequence in numbers(works)]
        assert len(seen) == len(set(seen)) and len(works) - len(seen) <= len(failed)


def test_with_a_killed_runner_only_few_are_lost_that_had_ended(runner: RunnerProcess) -> None:
    """The worker wrote down more than its runner heard of."""
    pid = warm(runner)
    works = [call(runner, "witness") for _ in range(60)]
    os.kill(runner.process.pid, signal.SIGSTOP)
    runner.submit(*works)
    os.kill(runner.process.pid, signal.SIGCONT)
    wait_until(lambda: len(witness(runner)) > 20)
    runner.process.kill()
    runner.process.wait()
    wait_until(lambda: not members_of_run(runner.process.pid, runner.name) and not Path(f"/proc/{pid}").exists())
    kinds = {record["sequence"]: record["k"] for record in read(runner.journal) if record["k"] in ("begin", "end")}
    assert set(witness(runner)) <= set(kinds)
    ends = [record for record in read(runner.journal) if record["k"] == "end"]
    assert all(end["at"] <= end["outcome"]["ended_on"] for end in ends)
    assert {end["outcome"]["result"] for end in ends[1:]} <= {"null"}


def test_an_end_that_was_only_written_down_is_read_as_one(tmp_path: Path) -> None:
    path = tmp_path / "0123456789abcdef.journal"
    one, begun = Journal(str(path), "r"), Begun(begun_path(path))
    works: list[Work] = [work(ordinal) for ordinal in (1, 2, 3, 4)]
    one.note(fed_record(works))
    one.add(record(sequence=1, claim=2))
    one.flush()
    for ordinal, result in ((1, b"1"), (2, b'"two"'), (3, b"nonsense")):
        begun.cells[1 + ordinal] = ordinal
        ANSWER.pack_into(begun.content, MARKS + ANSWER.size * ordinal, ordinal, 5_000_000, 7, len(result), result)
    begun.cells[0] = 6_000_000
    found = read(path)[2:]
    assert [(r["k"], r["sequence"], r["n"]) for r in found] == [("end", 2, 2), ("begin", 3, 3)]
    outcome = {"status": Status.SUCCEEDED, "result": '"two"', "ended_on": 5_000_007, "run_time": 7}
    assert (found[0]["at"], found[0]["outcome"]) == (5_000_000, outcome)
    assert found[1]["at"] == 6_000_000
