"""jobctl from Python: the decorator, submitting, and speaking of the run one is in."""

from __future__ import annotations

import socket
import sys
import threading
import types
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import jobctl
from jobctl.api import MARK, CommandRun, Mark, report
from jobctl.clock import from_datetime
from jobctl.errors import BadInput, JobctlError, JobNotFound, Refused, SystemJobNotFound, TryAgain
from jobctl.kept import caller
from jobctl.model import Reason, State
from jobctl.runner.protocol import FrameReader, encode
from tests.conftest import Jobctl, StartDaemon


def test_the_decorator_leaves_the_function_itself() -> None:
    def one(month: str) -> str:
        return month

    decorated = jobctl.job(name="invoice", retries=3)(one)
    assert decorated is one and one("x") == "x"
    mark = getattr(one, MARK)
    assert isinstance(mark, Mark)
    assert (mark.name, mark.options.retries, mark.options.timeout) == ("invoice", 3, None)


def test_the_decorator_takes_the_functions_name() -> None:
    @jobctl.job
    def bare() -> None: ...

    @jobctl.job()
    def called() -> None: ...

    assert (getattr(bare, MARK).name, getattr(called, MARK).name) == ("bare", "called")


def test_an_unknown_option_is_named_with_its_neighbour() -> None:
    with pytest.raises(TypeError, match=r"jobctl\.job\(\) has no option 'retrys'; did you mean 'retries'\?"):
        jobctl.job(retrys=3)


def test_submit_stores_data_instant_and_regarding(jobctl: Jobctl) -> None:
    from jobctl import submit

    jobctl("add", "one", "--", "true", expect=0)
    at = datetime(2030, 1, 1, tzinfo=UTC)
    submitted = submit("one", data={"month": "2026-10"}, at=at, regarding="invoice:7")
    assert (submitted.state, submitted.due_at, submitted.regarding) == (State.SUSPENDED, from_datetime(at), "invoice:7")
    document = jobctl("show", submitted.sequence, "--json", expect=0).json["system_job"]
    assert (document["data"], document["message_name"]) == ({"month": "2026-10"}, "api")
    assert submit("one").state is State.READY
    assert submit("one", at="in 2h").state is State.SUSPENDED


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"data": {1, 2}}, "data must be what JSON can hold"),
        ({"data": float("nan")}, "NaN"),
        ({"data": "x" * 1_100_000}, "1 MiB"),
        ({"at": datetime(2030, 1, 1)}, "at needs a time zone"),
        ({"at": 5}, "at must be an aware datetime or a text, not int"),
        ({"at": "nonsense"}, "'nonsense' is no instant"),
    ],
)
def test_bad_submissions_store_nothing(jobctl: Jobctl, arguments: dict[str, Any], sentence: str) -> None:
    from jobctl import submit

    jobctl("add", "one", "--", "true", expect=0)
    with pytest.raises(BadInput, match=sentence):
        submit("one", **arguments)
    assert jobctl("monitor", "--json").json["system_jobs"] == []


def test_submitting_an_unknown_job_names_its_neighbour(jobctl: Jobctl) -> None:
    from jobctl import submit

    jobctl("add", "backup", "--", "true", expect=0)
    with pytest.raises(JobNotFound, match="no job named 'bakup'; did you mean 'backup'"):
        submit("bakup")


def test_after_takes_system_jobs_numbers_and_pairs(jobctl: Jobctl) -> None:
    from jobctl import submit

    jobctl("add", "one", "--", "true", expect=0)
    first, second = submit("one"), submit("one")
    ways: list[Any] = [first, 1, (1, "any"), (first, "failure"), [first, second], [1, (second, "any")], {1, 2}]
    for after in ways:
        row = submit("one", after=after)
        assert (row.state, row.reason) == (State.SUSPENDED, Reason.AFTER), after
    assert submit("one", after=[]).state is State.READY
    jobctl("cancel", "1", expect=0)
    rows = {row["sequence"]: row["reason"] for row in jobctl("monitor", "--json").json["system_jobs"]}
    assert [rows[number] for number in range(3, 10)] == [None if way == (1, "any") else "dependency" for way in ways]


@pytest.mark.parametrize("after", ["1", (1, "nope"), [[1, "any"]], (1, "any", "x"), [1, None]])
def test_what_is_no_predecessor_is_bad_input(jobctl: Jobctl, after: Any) -> None:
    from jobctl import submit

    jobctl("add", "one", "--", "true", expect=0)
    submit("one")
    with pytest.raises(BadInput, match="after takes system jobs, their numbers, or pairs"):
        submit("one", after=after)
    for unknown in (99, -1, 2**70):
        with pytest.raises(SystemJobNotFound, match=f"no system job {unknown}"):
            submit("one", after=unknown)
    assert len(jobctl("monitor", "--json").json["system_jobs"]) == 1


def test_emit_releases_what_waits_for_the_event(jobctl: Jobctl) -> None:
    from jobctl import emit, submit

    jobctl("add", "one", "--", "true", expect=0)
    waiting = [submit("one", on_event=event) for event in ("go", "go", "else")]
    assert {(row.reason, row.event is not None) for row in waiting} == {(Reason.WAITING_FOR_EVENT, True)}
    assert (emit("nobody"), emit("go"), emit("go")) == (0, 2, 0)
    states = [jobctl("show", row.sequence, "--json").json["system_job"]["state"] for row in waiting]
    assert states == ["ready", "ready", "suspended"]


def test_the_same_key_is_the_same_request(jobctl: Jobctl) -> None:
    from jobctl import submit

    jobctl("add", "one", "--", "true", expect=0)
    first = submit("one", {"n": 1}, key="k")
    assert submit("one", {"n": 1}, key="k").sequence == first.sequence
    assert jobctl("run", "one", "--key", "k", "--data", '{"n":1}', expect=0).stdout == f"{first.sequence}\n"
    with pytest.raises(Refused, match="the key 'k' was used for system job 1 with other data"):
        submit("one", {"n": 2}, key="k")
    assert len(jobctl("monitor", "--json").json["system_jobs"]) == 1


UNCHECKED: list[dict[str, Any]] = [
    *({name: value} for name in ("on_event", "key") for value in ("", "a\x1b[2Jb", "\ud800", b"x", 5, "x" * 1000)),
    *({"regarding": value} for value in ("nocolon", "a:\x1b[2J", "\ud800", 5)),
    *({"after": value} for value in (None, 3.5, True)),
    *({"name": value} for value in (None, 5, "\ud800")),
]


@pytest.mark.parametrize("arguments", UNCHECKED, ids=lambda arguments: ascii(arguments)[:40])
def test_what_the_command_line_refuses_is_refused_here(jobctl: Jobctl, arguments: dict[str, Any]) -> None:
    from jobctl import submit

    jobctl("add", "one", "--", "true", expect=0)
    with pytest.raises((BadInput, JobNotFound)):
        submit(**{"name": "one", **arguments})
    assert jobctl("monitor", "--json").json["system_jobs"] == []


def test_the_caller_is_the_user_or_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOBCTL_SEQUENCE", raising=False)
    assert caller().startswith("user:")
    monkeypatch.setenv("JOBCTL_SEQUENCE", "42")
    assert caller() == "run:42"
    monkeypatch.setenv("JOBCTL_SEQUENCE", "42; x")
    assert caller().startswith("user:")


def test_current_outside_a_run_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOBCTL_ID", raising=False)
    with pytest.raises(Refused, match="only for code that a jobctl run executes"):
        jobctl.current()


def test_current_in_a_worker_is_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = types.ModuleType("_jobctl_worker")
    run = object()
    worker.current = lambda: run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "_jobctl_worker", worker)
    assert jobctl.current() is run


class Runner:
    """A runner's socket that notes what is reported, and answers."""

    def __init__(self, path: Path, answer: str) -> None:
        self.heard: list[dict[str, Any]] = []
        self.answer = answer
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                reader = FrameReader()
                while not (messages := reader.feed(connection.recv(65536))):
                    pass
                self.heard += messages
                connection.sendall(encode({"k": self.answer}))

    def close(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()


@pytest.fixture
def inside_a_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This process as part of run 7; the path of its runner's socket."""
    names = {"ID": "0" * 32, "SEQUENCE": "7", "JOB": "one", "ATTEMPT": "2", "RUN": "ab" * 8, "HOME": str(home)}
    for name, value in names.items():
        monkeypatch.setenv(f"JOBCTL_{name}", value)
    (home / "run").mkdir()
    return home / "run" / f"{'ab' * 8}.sock"


@pytest.fixture(params=["ok"])
def runner(inside_a_run: Path, request: pytest.FixtureRequest) -> Iterator[Runner]:
    one = Runner(inside_a_run, request.param)
    yield one
    one.close()


def test_a_command_reports_to_its_runner(runner: Runner, capsys: pytest.CaptureFixture[str]) -> None:
    run = jobctl.current()
    assert (run.sequence, run.job, run.attempt, run.id) == (7, "one", 2, "0" * 32)
    run.progress(40, stage="rendering")
    run.stage("sending")
    run.log("hello")
    assert report(message="done") == 7
    assert [(said["progress"], said["stage"], said["message"]) for said in runner.heard] == [
        (40.0, "rendering", None),
        (None, "sending", None),
        (None, None, "done"),
    ]
    assert all((said["k"], said["sequence"]) == ("report", 7) for said in runner.heard)
    assert capsys.readouterr().out == "hello\n"


@pytest.mark.parametrize("runner", ["refused"], indirect=True)
def test_a_run_that_is_over_cannot_report(runner: Runner) -> None:
    with pytest.raises(Refused, match="system job 7 is not what runs here now"):
        report(progress=1)
    CommandRun().progress(1)  # work does not fail for it


@pytest.mark.usefixtures("inside_a_run")
def test_a_runner_that_is_gone_breaks_no_work() -> None:
    with pytest.raises(TryAgain, match="the runner of this run does not answer"):
        report(progress=1)
    CommandRun().progress(1)
    CommandRun().stage("x")


@pytest.mark.parametrize("percent", [-1, 101, float("nan")])
@pytest.mark.usefixtures("inside_a_run")
def test_progress_is_a_percentage(percent: float) -> None:
    with pytest.raises(ValueError, match="progress is from 0 to 100"):
        jobctl.current().progress(percent)


@pytest.mark.usefixtures("inside_a_run")
def test_a_tampered_environment_reaches_no_other_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBCTL_RUN", "../../tmp/evil")
    with pytest.raises(BadInput, match="are not those of a run"):
        report(progress=1)


def test_an_unknown_attribute_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        jobctl.nonsense  # noqa: B018
    assert set(jobctl.__all__) <= set(dir(jobctl))
    assert issubclass(BadInput, JobctlError)


def test_current_in_a_real_command(jobctl: Jobctl, daemon: StartDaemon) -> None:
    code = "import jobctl; run = jobctl.current(); run.progress(40, stage='rendering'); run.log(run.job)"
    jobctl("add", "one", "--env", "PYTHONPATH", "--", sys.executable, "-c", code, expect=0)
    daemon()
    jobctl("run", "one", "--wait", expect=0)
    document = jobctl("show", "1", "--json", expect=0).json["system_job"]
    assert (document["progress"], document["stage"]) == (40.0, "rendering")
    assert jobctl("logs", "1", expect=0).stdout == "one\n"


def test_a_registered_callable_runs(jobctl: Jobctl, daemon: StartDaemon, tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text(
        "import jobctl\n@jobctl.job(name='invoice')\ndef make(month):\n"
        "    jobctl.current().progress(50, stage='half')\n    return {'month': month}\n"
    )
    jobctl("register", "tasks", cwd=tmp_path, expect=0)
    daemon()
    jobctl("run", "invoice", "--data", '{"month": "2026-10"}', "--wait", expect=0)
    document = jobctl("show", "1", "--json", expect=0).json["system_job"]
    assert (document["result"], document["progress"], document["stage"]) == ({"month": "2026-10"}, 50.0, "half")
