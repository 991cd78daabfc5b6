"""Every command with arguments made from its own parameters: always a documented exit code, never a traceback."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobctl import cli, errors
from jobctl.cli import COMMANDS
from jobctl.output.text import UNSAFE
from tests.cli.here import run_here
from tests.cli.sentences import rows
from tests.conftest import Completed, Jobctl

pytestmark = pytest.mark.thorough

ENDLESS: Final = {"daemon", "demo", "serve"}
"""They serve until they are told to stop."""
WAITING: Final = {"wait", "watch", "follow", "progress_bar"}
"""Flags under which a command may go on for ever; not asked for here."""
IMPORTS: Final = {"module"}
ANSWERS: Final = {"check"}
"""Its exit codes are those of monitoring plugins."""
SEVERAL: Final = {"pause", "resume", "cancel", "postpone", "rerun", "delete"}
"""They do what they can of what they are asked for."""
DOCUMENTED: Final = {value for name, value in vars(errors).items() if name.isupper() and isinstance(value, int)}
CODES: Final = {0, *DOCUMENTED} - {errors.INTERNAL}

DURATIONS: Final = ["5m", "90s", "1d", "2h30m", "PT30S", "0s", "1w"]
INSTANTS: Final = ["2030-01-01", "2030-01-01T09:00Z", "tomorrow 09:00", "in 10m", "fri 22:30", "@1893456000", "09:00"]
IDS: Final = ["1", "2", "3", "4", "one", "two", "every", "adhoc", "purge"]
RIGHT: Final[dict[str, list[str]]] = {
    # By a parameter's name …
    "every": ["5m", "2 weeks", "day", "month", "30s"],
    "on": ["mon,fri", "weekdays", "1,15,-1", "last-fri"],
    "times": ["06:00,18:00", "03:30"],
    "at": INSTANTS,
    "start": INSTANTS,
    "end": ["2031-01-01", "2030-06-01T00:00Z"],
    "cron": ["*/5 * * * *", "@daily", "0 3 * * mon-fri", "30 2 L * *"],
    "quartz": ["0 0 12 * * ?", "0 0 0 ? * 6L"],
    "rrule": ["FREQ=DAILY;INTERVAL=3;", "FREQ=MONTHLY;BYDAY=-1FR"],
    "recurrence": ['{"recurrence": {"frequency": "day"}}'],
    "tz": ["Europe/Madrid", "UTC"],
    "skip": ["2030-01-01", "2030-01-01..2030-02-01"],
    "data": ["1", "[1, 2]", '{"a": null}', "-", "@/dev/null"],
    "env": ["K=V", "K", "K=@/etc/hostname"],
    "regarding": ["invoice:4711"],
    "job": ["one", "two"],
    "owner": ["root", "user:root"],
    "command": ["exit 3", "true"],
    "cwd": ["/", "."],
    # … or by that of its type.
    "name": ["one", "two", "every", "other", "purge"],
    "id": [*IDS, "id:00000000"],
    "after": ["1", "2:any", "two:failure"],
    "text": ["x", "a b c"],
    "duration": DURATIONS,
    "instant": INSTANTS,
    "past instant": ["yesterday", "2h ago", "2h"],
    "integer range": ["1", "3", "100"],
    "float": ["2", "1.5"],
    "codes": ["0,75"],
    "token": ["t", "disk"],
    "tag": ["x"],
    "event": ["go"],
    "key": ["k", "l"],
    "callable": ["module:function"],
    "state": ["ready,locked", "completed"],
    "status": ["failed", "canceled,succeeded"],
    "reason": ["exit", "user"],
    "type": ["workflow", "13"],
    "percent": ["40%", "99.5"],
    "limit": ["failed=1", "waiting=10m"],
    "keep": ["all", "failed"],
}
WRONG: Final = [
    *("", " ", "-1", "--", "-", "@", "@/nonexistent", "@/proc/self/mem", "@/tmp", "NaN", "1e400", "9" * 30, "１"),
    *("2026-02-30", "25:00", "03/04/2026", "9999-12-31T23:59:59Z", "-9999-01-01", "10000y", "1e9d", "@-62135596801"),
    *("a" * 300, "\x1b[2J", "\u202e", "\udcff", "a\nb", "'; DROP TABLE jobs; --", "%s{0}", "../../etc/passwd", "=1+1"),
    *("FREQ=SECONDLY;COUNT=0", "* * * * * * * *", "0 0 31 2 *", "{", "[" * 70 + "]" * 70, '{"a": 1, "a": 2}'),
    *("1:", ":any", ":", "id:", "id:zz", "every 0 days", "0 weeks", "first-xxx", "32", "Mars/Phobos", "K=@/none"),
]
SENSIBLE: Final = sorted({text for texts in RIGHT.values() for text in texts})
TEXTS: Final = st.one_of(
    st.sampled_from(SENSIBLE),
    st.sampled_from(WRONG),
    st.text(st.characters(exclude_characters="\0", exclude_categories=()), max_size=30),
    st.integers().map(str),
)


def command(name: str) -> click.Command:
    found = cli.cli.get_command(click.Context(cli.cli), name)
    assert found is not None
    return found


def words(parameter: click.Parameter) -> st.SearchStrategy[list[str]]:
    """The words that give a parameter once, or not at all."""
    if parameter.name in WAITING:
        return st.just([])
    right = RIGHT.get(parameter.name or "", RIGHT.get(parameter.type.name, SENSIBLE))
    if isinstance(parameter.type, click.Choice):
        right = [str(choice) for choice in parameter.type.choices]
    # Most are right, or nothing would get past the doors.
    value = st.integers(0, 9).flatmap(lambda chance: TEXTS if chance == 9 else st.sampled_from(right))
    if isinstance(parameter, click.Argument):
        if parameter.name in IMPORTS:
            value = st.sampled_from(["no.such.module", "a-b", "x/y.py", "", "\x1b", "..", "tests"])
        few = 3 if parameter.nargs == -1 else 1
        return st.lists(value, min_size=int(parameter.required), max_size=few)
    name = st.sampled_from([*parameter.opts, *parameter.secondary_opts])
    if getattr(parameter, "is_flag", False):
        return name.map(lambda option: [option])
    return st.tuples(name, value).map(list)


@st.composite
def lines(draw: st.DrawFn, name: str) -> list[str]:
    """A command line: some of the command's options in any order, then its arguments."""
    parameters = command(name).params
    arguments = [parameter for parameter in parameters if isinstance(parameter, click.Argument)]
    options = [parameter for parameter in parameters if not isinstance(parameter, click.Argument)]
    chosen = draw(st.lists(st.sampled_from(options), max_size=4, unique_by=id)) if options else []
    given = [draw(words(option)) for option in chosen] + [draw(words(argument)) for argument in arguments]
    line = [name, *(word for some in given for word in some)]
    if name == "wait":
        line += ["--timeout", "0.01s"]
    if name in ("add", "edit", "run") and draw(st.booleans()):
        line += ["--", *draw(st.lists(TEXTS, min_size=1, max_size=3))]
    return line


def check(found: Completed) -> None:
    what = f"{found.args}: exit {found.returncode}\n{found.stdout[-2000:]}\n{found.stderr[-4000:]}"
    assert found.returncode in CODES, what
    assert "Traceback" not in found.stdout + found.stderr and "internal error" not in found.stderr, what
    assert not re.search(UNSAFE, found.stderr.replace("\n", "")), what
    if found.returncode in (errors.USAGE, errors.NOT_FOUND, errors.REFUSED) and found.args[0] not in ANSWERS:
        assert found.stderr.startswith(("jobctl: ", "no daemon is running")), what


FILL: Final = [
    ["add", "one", "--", "true"],
    ["add", "two", "--token", "t", "--tag", "x", "--command", "exit 3"],
    ["add", "every", "--every", "1h", "--start", "2030-01-01", "--", "true"],
    ["run", "one", "--key", "k"],
    ["run", "two", "--data", "[1]", "--at", "2030-01-01"],
    ["run", "two", "--on-event", "go"],
    ["cancel", "2"],
]


@pytest.fixture(scope="module")
def homes() -> Iterator[tuple[Path, Path]]:
    """A filled home, as a template; and where its copies go."""
    directory = Path(tempfile.mkdtemp(prefix="jobctl-fuzz-", dir="/tmp"))
    try:
        for line in FILL:
            found = run_here("--home", str(directory / "template"), *line)
            assert found.returncode == 0, found.stderr
        yield directory / "template", directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def fuzzed(homes: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    template, directory = homes
    monkeypatch.setenv("JOBCTL_HOME", str(directory / "home"))
    monkeypatch.chdir(directory)
    return template, directory / "home"


def fuzz(name: str, template: Path, home: Path, examples: int) -> Counter[int]:
    """So many command lines of one command; how they exited. They may change the home, for a while."""
    codes: Counter[int] = Counter()

    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=examples < 1000,
        suppress_health_check=list(HealthCheck),
    )
    @given(lines(name))
    def each(line: list[str]) -> None:
        if codes.total() % 10 == 0:
            shutil.rmtree(home, ignore_errors=True)
            shutil.copytree(template, home)
        before = rows(home)
        found = run_here(*line)
        codes[found.returncode] += 1
        check(found)
        if found.returncode in (errors.USAGE, errors.NOT_FOUND) and name not in SEVERAL:
            assert rows(home) == before, found.args

    cast(Any, each)()
    return codes


COMMANDS_TO_FUZZ: Final = [name for name in COMMANDS if name not in ENDLESS]


@pytest.mark.parametrize("name", COMMANDS_TO_FUZZ)
def test_any_arguments_end_with_a_documented_code(name: str, fuzzed: tuple[Path, Path]) -> None:
    fuzz(name, *fuzzed, 50)


@pytest.mark.campaign
@pytest.mark.parametrize("name", COMMANDS_TO_FUZZ)
def test_many_arguments_end_with_a_documented_code(name: str, fuzzed: tuple[Path, Path]) -> None:
    fuzz(name, *fuzzed, 1500)


def test_a_sample_as_processes(jobctl: Jobctl) -> None:
    """What is caught here is caught in a process of its own, too."""
    for line in ("run one --at 99999999999999999999", "next --cron \udcff", "show \x1b", "wait 1 --timeout x"):
        check(jobctl(*line.split()))
