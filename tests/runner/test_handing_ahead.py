"""Several runs in a worker's hands: which have begun, what becomes of the others, and whose output is whose."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from jobctl.model import Status
from jobctl.processes import members_of_run
from jobctl.runner.journal import read
from tests.conftest import ClockFile, wait_until
from tests.runner.calls import call, ended, numbers, outcomes, warm, witness
from tests.runner.harness import RunnerProcess


def test_many_run_in_order_in_one_worker(runner: RunnerProcess) -> None:
    first = warm(runner)
    works = [call(runner, "witness") for _ in range(500)]
    runner.submit(*works)
    assert {outcome["status"] for outcome in outcomes(runner, works)} == {Status.SUCCEEDED}
    assert witness(runner) == numbers(works)
    assert warm(runner) == first
    ends = [end for end in runner.daemon.all("end") if end["sequence"] in numbers(works)]
    for before, after in zip(ends, ends[1:], strict=False):
        assert before["at"] <= before["outcome"]["ended_on"] <= after["at"]
    assert [end["n"] for end in ends] == sorted(end["n"] for end in ends)
    assert not [begin for begin in read(runner.journal) if begin["k"] == "begin" and begin["sequence"] > 1]


def test_exactly_what_was_not_taken_returns(runner: RunnerProcess) -> None:
    warm(runner)
    works = []
    for _ in range(30):
        batch = [call(runner, "witness", seconds=0.0005) for _ in range(20)]
        works += batch
        runner.submit(*batch)
        runner.daemon.outcome(batch[0]["sequence"])
        runner.daemon.send("take_back", sequences=numbers(batch))
    wait_until(lambda: len(runner.daemon.all("returned")) == 30)
    returned = [sequence for message in runner.daemon.all("returned") for sequence in message["sequences"]]
    wait_until(lambda: len(ended(runner)) == 1 + 600 - len(returned))
    assert {end["outcome"]["status"] for end in runner.daemon.all("end")} == {Status.SUCCEEDED}
    assert witness(runner) == ended(runner)[1:]
    assert sorted(witness(runner) + returned) == numbers(works)
    assert returned


def test_all_but_the_one_that_goes_on_can_be_taken_back(runner: RunnerProcess) -> None:
    warm(runner)
    works = [call(runner, "waits_for_gate"), *(call(runner, "witness") for _ in range(5))]
    runner.submit(*works)
    begin = runner.daemon.wait("begin", works[0]["sequence"])
    runner.daemon.send("take_back", sequences=numbers(works))
    assert runner.daemon.wait("returned")["sequences"] == numbers(works[1:])
    (runner.home / "gate").touch()
    assert runner.daemon.outcome(works[0]["sequence"])["status"] == Status.SUCCEEDED
    assert begin["at"] == runner.daemon.wait("end", works[0]["sequence"])["at"]
    assert (warm(runner), witness(runner)) == (warm(runner), [])


def test_those_behind_one_that_goes_on_run_afterwards(runner: RunnerProcess) -> None:
    first = warm(runner)
    works = [call(runner, "witness"), call(runner, "sleeps", seconds=0.1), *(call(runner, "witness") for _ in range(5))]
    runner.submit(*works)
    found = outcomes(runner, works)
    assert {outcome["status"] for outcome in found} == {Status.SUCCEEDED}
    assert found[1]["run_time"] >= 100_000
    assert all(outcome["run_time"] < 50_000 for outcome in found[2:])
    assert witness(runner) == numbers([works[0], *works[2:]])
    assert warm(runner) == first


def test_a_run_that_kills_its_worker_is_the_only_one_that_fails(runner: RunnerProcess) -> None:
    warm(runner)
    works = [call(runner, "witness", ends_with="kill" if n == 10 else "") for n in range(20)]
    runner.submit(*works)
    found = outcomes(runner, works)
    assert [(n, o["reason"], o["signal"]) for n, o in enumerate(found) if o["status"] != Status.SUCCEEDED] == [
        (10, "signal", 9)
    ]
    assert witness(runner) == numbers(works)


def test_a_worker_killed_from_outside_costs_at_most_the_run_that_has_begun(runner: RunnerProcess) -> None:
    for _ in range(5):
        pid = warm(runner)
        works = [call(runner, "witness", seconds=0.0005) for _ in range(100)]
        before = len(ended(runner))
        runner.submit(*works)
        wait_until(lambda before=before: len(ended(runner)) > before + 5)  # type: ignore[misc]
        os.kill(pid, signal.SIGKILL)
        found = outcomes(runner, works)
        failed = [outcome for outcome in found if outcome["status"] != Status.SUCCEEDED]
        assert [(outcome["reason"], outcome["signal"]) for outcome in failed] in ([], [("signal", 9)])
        seen = [sequence for sequence in witness(runner) if sequence in numbers(works)]
        # Killed before it came to its first line, it has begun all the same.
        assert len(seen) == len(set(seen)) and len(works) - len(seen) <= len(failed)


def test_after_a_runner_was_killed_the_journal_tells_what_had_begun(runner: RunnerProcess) -> None:
    warm(runner)
    works = [call(runner, "witness", seconds=0.002) for _ in range(100)]
    runner.submit(*works)
    wait_until(lambda: len(ended(runner)) > 10)
    runner.process.kill()
    runner.process.wait()
    wait_until(lambda: not members_of_run(runner.process.pid, runner.name))
    records = read(runner.journal)
    begun = {record["sequence"] for record in records if record["k"] == "begin"} - {1}
    done = {record["sequence"] for record in records if record["k"] == "end"} - {1}
    assert done and begun and not done & begun
    reached = set(witness(runner))
    assert reached <= done | begun and len((done | begun) - reached) <= 1
    assert len(done | begun) < len(works)
    for begin in (record for record in records if record["k"] == "begin" and record["sequence"] in begun):
        assert begin["n"] > max(record["n"] for record in records if record["k"] == "end")
        assert (begin["claim"], begin["attempt"]) == (1, 1)
        assert abs(begin["at"] / 1e6 - time.time()) < 60


def test_a_lost_daemon_lets_nothing_more_begin(runner: RunnerProcess) -> None:
    warm(runner)
    works = [call(runner, "witness", seconds=0.001) for _ in range(300)]
    runner.submit(*works)
    wait_until(lambda: len(ended(runner)) > 10)
    runner.daemon.close()
    assert runner.process.wait(10) == 0
    ends = [record["sequence"] for record in read(runner.journal) if record["k"] == "end"]
    assert ends[1:] == witness(runner)
    assert len(ends) < len(works)
    begun = {record["sequence"] for record in read(runner.journal) if record["k"] == "begin"}
    assert begun <= set(ends)


def test_the_next_daemon_finds_what_has_begun_and_what_waits(runner: RunnerProcess) -> None:
    warm(runner)
    works = [call(runner, "waits_for_gate"), *(call(runner, "witness") for _ in range(5))]
    runner.submit(*works)
    wait_until((runner.home / "ready").exists)
    runner.daemon = runner.adopt()
    hello = runner.daemon.wait("hello")
    assert hello["current"]["sequence"] == works[0]["sequence"]
    assert hello["queued"] == numbers(works[1:])
    (runner.home / "gate").touch()
    assert {outcome["status"] for outcome in outcomes(runner, works)} == {Status.SUCCEEDED}
    assert witness(runner) == numbers(works[1:])


def test_output_is_that_of_its_own_run(runner: RunnerProcess) -> None:
    first = warm(runner)
    works = [call(runner, "prints", size=160) if n % 3 else call(runner, "witness") for n in range(200)]
    runner.submit(*works)
    found = outcomes(runner, works)
    for n, (work, outcome) in enumerate(zip(works, found, strict=True)):
        line = str(work["sequence"]).rjust(15).encode() + b"\n"
        expected = (line * 10, line) if n % 3 else (b"", b"")
        assert (runner.log(work["sequence"], stream=1), runner.log(work["sequence"], stream=2)) == expected
        assert outcome["log_bytes"] == (176 if n % 3 else 0)
    assert warm(runner) == first


def test_much_output_in_the_middle_of_many(runner: RunnerProcess) -> None:
    first = warm(runner)
    size = 1024 * 1024
    works = [call(runner, "prints", size=size if n == 20 else 16) for n in range(40)]
    runner.submit(*works)
    found = outcomes(runner, works)
    assert [outcome["log_bytes"] for outcome in found] == [size + 16 if n == 20 else 32 for n in range(40)]
    for work in works:
        assert set(runner.log(work["sequence"]).split()) == {str(work["sequence"]).encode()}
    assert warm(runner) == first


def test_what_goes_wrong_is_told_of_its_own_run(runner: RunnerProcess) -> None:
    first = warm(runner)
    works = [call(runner, "witness", ends_with="exception" if n % 5 == 0 else "") for n in range(40)]
    runner.submit(*works)
    for n, outcome in enumerate(outcomes(runner, works)):
        message = "ValueError: as asked" if n % 5 == 0 else None
        assert (outcome["message"], bool(outcome["log_bytes"])) == (message, n % 5 == 0)
    assert warm(runner) == first


def test_progress_is_told_of_its_own_run(runner: RunnerProcess) -> None:
    first = warm(runner)
    works = [call(runner, "says_how_far") for _ in range(40)]
    runner.submit(*works)
    for work, outcome in zip(works, outcomes(runner, works), strict=True):
        assert (outcome["progress"], outcome["stage"]) == (work["sequence"] % 100, str(work["sequence"]))
        heard = [m["k"] for m in runner.daemon.heard if m.get("sequence") == work["sequence"]]
        assert heard == ["begin", "report", "end"]
    assert warm(runner) == first


@pytest.mark.parametrize("what", ["thread", "orphan", "descriptor", "stdout"])
def test_leftovers_are_those_of_their_own_run(runner: RunnerProcess, what: str) -> None:
    first = warm(runner)
    works = [call(runner, "leaves", what=what) if n == 10 else call(runner, "pid") for n in range(20)]
    runner.submit(*works)
    found = outcomes(runner, works)
    message = {"thread": "ended 1 leftover thread", "orphan": "ended 2 leftover processes"}.get(what)
    assert [outcome["message"] for outcome in found] == [None] * 10 + [message] + [None] * 9
    pids = [json.loads(outcome["result"]) for n, outcome in enumerate(found) if n != 10]
    assert set(pids[:10]) == {first} and len(set(pids[10:])) == 1 and first not in pids[10:]


def test_cancel_with_several_in_hand_ends_only_the_one(runner: RunnerProcess) -> None:
    warm(runner)
    works = [call(runner, "waits_for_gate"), *(call(runner, "witness") for _ in range(3))]
    runner.submit(*works)
    runner.daemon.send("cancel", sequence=works[2]["sequence"], reason="user")
    runner.daemon.send("cancel", sequence=works[0]["sequence"], reason="user")
    found = outcomes(runner, works)
    assert [outcome["status"] for outcome in found] == [
        Status.CANCELED,
        Status.SUCCEEDED,
        Status.CANCELED,
        Status.SUCCEEDED,
    ]
    assert witness(runner) == numbers([works[1], works[3]])


def test_pause_with_several_in_hand(runner: RunnerProcess) -> None:
    warm(runner)
    works = [call(runner, "waits_for_gate"), *(call(runner, "witness") for _ in range(3))]
    runner.submit(*works)
    wait_until((runner.home / "ready").exists)
    runner.daemon.send("pause", sequence=works[0]["sequence"])
    runner.daemon.send("pause", sequence=works[1]["sequence"])
    runner.daemon.wait("paused", works[0]["sequence"])
    assert runner.daemon.wait("returned")["sequences"] == [works[1]["sequence"]]
    runner.daemon.send("continue", sequence=works[0]["sequence"], claim=2)
    (runner.home / "gate").touch()
    assert runner.daemon.outcome(works[3]["sequence"])["status"] == Status.SUCCEEDED
    assert runner.daemon.wait("end", works[0]["sequence"])["claim"] == 2
    assert witness(runner) == numbers(works[2:])


def test_a_timeout_counts_from_the_begin_and_ends_only_the_one(runner: RunnerProcess) -> None:
    warm(runner)
    works = [
        *(call(runner, "witness", seconds=0.005) for _ in range(10)),
        call(runner, "sleeps", {"timeout": 0.2, "grace": 0.5}, seconds=999),
        *(call(runner, "witness") for _ in range(10)),
    ]
    runner.submit(*works)
    found = outcomes(runner, works)
    assert [outcome["reason"] for outcome in found] == [None] * 10 + ["timeout"] + [None] * 10
    assert 200_000 <= found[10]["run_time"] < 1_000_000
    assert witness(runner) == numbers(works[:10] + works[11:])


def test_clocks_of_tests_move_the_instants(timed_runner: RunnerProcess, clock_file: ClockFile) -> None:
    runner = timed_runner
    warm(runner)
    clock_file.advance(86_400)
    works = [call(runner, "witness") for _ in range(5)]
    runner.submit(*works)
    for work in works:
        outcome = runner.daemon.outcome(work["sequence"])
        at = runner.daemon.wait("end", work["sequence"])["at"]
        assert abs(at / 1e6 - time.time() - 86_400) < 60
        assert at <= outcome["ended_on"] < at + 5_000_000


def test_a_change_of_worker_waits_for_what_is_in_hand(runner: RunnerProcess) -> None:
    first = warm(runner)
    works = [call(runner, "pid", {"cwd": "/"} if n % 10 == 9 else None) for n in range(30)]
    runner.submit(*works)
    pids = [json.loads(outcome["result"]) for outcome in outcomes(runner, works)]
    assert pids[:9] == [first] * 9
    groups = [set(pids[start:end]) for start, end in ((0, 9), (9, 10), (10, 19), (19, 20), (20, 29), (29, 30))]
    assert [len(group) for group in groups] == [1] * 6
    assert len(set().union(*groups)) == 6


def test_commands_and_callables_keep_their_order(runner: RunnerProcess) -> None:
    warm(runner)
    works = []
    for n in range(30):
        shell = ["/bin/sh", "-c", "echo $JOBCTL_SEQUENCE >> witness"]
        works.append(runner.work(argv=shell) if n % 7 == 3 else call(runner, "witness"))
    runner.submit(*works)
    assert {outcome["status"] for outcome in outcomes(runner, works)} == {Status.SUCCEEDED}
    assert witness(runner) == numbers(works)


def test_data_of_any_size_arrives(runner: RunnerProcess) -> None:
    warm(runner)
    texts = ["x" * size for size in (0, 60_000, 70_000, 900_000)] + ["ż" * 40_000, '"\\' * 10_000] * 2
    works = [call(runner, "echo", text=text) for text in texts]
    runner.submit(*works)
    for text, outcome in zip(texts, outcomes(runner, works), strict=True):
        assert json.loads(outcome["result"]) == [[], {"text": text}]
    assert not list(runner.home.glob("run/*.data"))


def test_more_than_the_socket_holds_follows_later(runner: RunnerProcess) -> None:
    warm(runner)
    works = [call(runner, "echo", number=n, text="ż" * 16_000) for n in range(60)]
    runner.submit(*works)
    for n, outcome in enumerate(outcomes(runner, works)):
        assert json.loads(outcome["result"])[1]["number"] == n


def test_garbage_on_every_descriptor_costs_only_its_own_run(runner: RunnerProcess) -> None:
    warm(runner)
    works = [call(runner, "witness") for _ in range(20)]
    works[5] = call(runner, "writes_garbage")
    works[10] = call(runner, "witness", ends_with="kill")
    runner.submit(*works)
    found = outcomes(runner, works)
    reasons = [outcome["reason"] for outcome in found]
    assert reasons == [None] * 5 + ["no_result"] + [None] * 4 + ["signal"] + [None] * 9
    assert witness(runner) == numbers(works[:5] + works[6:])


def test_an_answer_for_another_run_makes_no_sense(runner: RunnerProcess, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import os, time\n"
        "def f():\n"
        "    import __main__\n"
        "    worker = __main__.WORKER\n"
        "    worker.channel.send(b'[%d,1,1,\"1\"]' % (max(worker.begun[1:]) + 2))\n"
        "    time.sleep(999)\n"
        "def g():\n"
        "    return os.getpid()\n"
    )
    works = [runner.work(callable=f"mine:{name}", path=[str(tmp_path)]) for name in "gfggg"]
    runner.submit(*works)
    found = outcomes(runner, works)
    assert (found[1]["reason"], found[1]["message"]) == ("no_result", "the worker's answer makes no sense")
    pids = [outcome["result"] for outcome in found[2:]]
    assert len(set(pids)) == 1 and pids[0] != found[0]["result"]
