"""`jobctl logs`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from jobctl.logs import LogWriter
from tests.cli.terminal import on_terminal
from tests.conftest import Jobctl, StartDaemon


def write(home: Path, attempt: int, *parts: tuple[int, bytes]) -> None:
    moment = iter(range(1_700_000_000_000_000, 1_800_000_000_000_000, 1_000_000))
    writer = LogWriter(home, 1, attempt, lambda: next(moment))
    for stream, data in parts:
        writer.write(stream, data)
    writer.close()


@pytest.fixture
def number(jobctl: Jobctl) -> int:
    """A system job without output."""
    return int(jobctl("run", "--", "true", expect=0).stdout)


def raw(jobctl: Jobctl, *args: object) -> bytes:
    found = subprocess.run(jobctl.command("logs", *map(str, args)), env=jobctl.environment, capture_output=True)
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_all_attempts_in_order(jobctl: Jobctl, home: Path, number: int) -> None:
    write(home, 1, (1, b"one\n"), (2, b"two\n"))
    write(home, 2, (1, b"three"))
    assert jobctl("logs", number, expect=0).stdout == "one\ntwo\nthree"
    assert jobctl("logs", number, "--stderr", expect=0).stdout == "two\n"
    assert jobctl("logs", number, "-n", "2", expect=0).stdout == "two\nthree"
    assert jobctl("logs", number, "-n", "0", expect=0).stdout == ""


def test_bytes_are_untouched_in_a_pipe(jobctl: Jobctl, home: Path, number: int) -> None:
    content = bytes(range(256)) * 3
    write(home, 1, (1, content))
    assert raw(jobctl, number) == content


def test_what_was_left_out_is_named(jobctl: Jobctl, home: Path, number: int) -> None:
    write(home, 1, (1, b"x" * (3 * 1024 * 1024)), (1, b"\nend\n"))
    found = jobctl("logs", number, expect=0)
    left_out = 3 * 1024 * 1024 + 5 - len(found.stdout)
    assert left_out > 0 and found.stderr == f"… {left_out:,} bytes left out …\n"
    assert jobctl("logs", number, "-n", "1", expect=0).stdout == "end\n"


def test_timestamps(jobctl: Jobctl, home: Path, number: int) -> None:
    write(home, 1, (1, b"a"), (1, b"b\nc\n"), (2, b"d\n"))
    lines = jobctl("logs", number, "--timestamps", expect=0).stdout.splitlines()
    assert lines == [
        "2023-11-14T22:13:20.000000+00:00 ab",
        "2023-11-14T22:13:21.000000+00:00 c",
        "2023-11-14T22:13:22.000000+00:00 d",
    ]


def test_json(jobctl: Jobctl, home: Path, number: int) -> None:
    write(home, 1, (1, "ñ".encode()[:1]), (1, "ñ".encode()[1:]), (2, b"\xff\n"))
    document = jobctl("logs", number, "--json", expect=0).json
    assert document["schema"] == 1 and document["system_job"]["sequence"] == number
    assert [(piece["stream"], piece["text"]) for piece in document["output"]] == [
        ("stdout", ""),
        ("stdout", "ñ"),
        ("stderr", "�\n"),
    ]
    jobctl("logs", number, "--json", "-f", expect=2)


HOSTILE = (
    b"\x1b]52;c;ZXZpbA==\x07\x1b[2J\x1b[31mred\x1b[0m\xc2\x9b\xe2\x80\xae\r\nplain\rover\x00\x7f\xff\x1b]8;;x\x1b\\\n"
)


def test_only_colour_reaches_a_terminal(jobctl: Jobctl, home: Path, number: int) -> None:
    # One byte at a time: no sequence may get through because it was cut.
    write(home, 1, *((1, HOSTILE[index : index + 1]) for index in range(len(HOSTILE))))
    shown, code = on_terminal(jobctl, "logs", number)
    assert code == 0
    first = rb"\x1b]52;c;ZXZpbA==\x07\x1b[2J" + b"\x1b[31mred\x1b[0m" + rb"\x9b\u202e"
    second = rb"plain\rover\x00\x7f\xff\x1b]8;;x\x1b" + b"\\"
    assert shown == first + b"\r\n" + second + b"\r\n\x1b[0m"
    shown, _ = on_terminal(jobctl, "logs", "--raw", number)
    assert HOSTILE[:8] in shown


def test_color_never_reaches_a_terminal_that_wants_none(jobctl: Jobctl, home: Path, number: int) -> None:
    write(home, 1, (1, b"\x1b[31mred\x1b[0m\n"))
    shown, _ = on_terminal(jobctl, "--color", "never", "logs", number)
    assert b"\x1b" not in shown and b"red" in shown


def test_colour_ends_with_the_output(jobctl: Jobctl, home: Path, number: int) -> None:
    write(home, 1, (1, b"\x1b[31mred for ever"))
    shown, _ = on_terminal(jobctl, "logs", number)
    assert shown == b"\x1b[31mred for ever\x1b[0m\r\n"


def test_follow_across_retries_until_it_is_completed(jobctl: Jobctl, daemon: StartDaemon) -> None:
    daemon()
    command = 'for i in 1 2 3; do echo "$JOBCTL_ATTEMPT.$i"; sleep 0.1; done; exit 1'
    jobctl("add", "one", "--command", command, "--retries", "1", "--retry-delay", "1s", expect=0)
    jobctl("run", "one", expect=0)
    found = jobctl("logs", "-f", "one", expect=0)
    assert found.stdout.split() == ["1.1", "1.2", "1.3", "2.1", "2.2", "2.3"]
    assert "jobctl: 1 one: failed (exit 1): exit code 1\n" in found.stderr
    assert jobctl("logs", "-f", "-n", "1", "1", expect=0).stdout == "2.3\n"


def test_follow_shows_output_at_once(jobctl: Jobctl, daemon: StartDaemon, tmp_path: Path) -> None:
    daemon()
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    jobctl("run", "--", "sh", "-c", f"printf begun; read line < {fifo}; echo $line", expect=0)
    process = subprocess.Popen(
        jobctl.command("logs", "-f", "1"), env=jobctl.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    assert process.stdout.read(5) == b"begun"
    fifo.write_text("ended\n")
    assert process.stdout.read() == b"ended\n"
    assert process.wait(20) == 0


def test_without_output_it_is_said(jobctl: Jobctl, number: int) -> None:
    found = jobctl("logs", number, expect=0)
    assert (found.stdout, found.stderr) == ("", "jobctl: 1 adhoc is ready; it wrote nothing\n")


def test_closed_pipe_ends_quietly(jobctl: Jobctl, home: Path, number: int) -> None:
    write(home, 1, *((1, b"x" * 60000) for _ in range(8)))
    process = subprocess.Popen(
        jobctl.command("logs", str(number)), env=jobctl.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.read(1)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.wait(20)
