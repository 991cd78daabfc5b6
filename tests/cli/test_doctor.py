"""`jobctl doctor`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jobctl.doctor import file_system_kind, size
from tests.conftest import ClockFile, Jobctl, StartDaemon


def levels(jobctl: Jobctl, expect: int) -> dict[str, tuple[str, str]]:
    document = jobctl("doctor", "--json", expect=expect).json
    assert document["schema"] == 1 and document["ok"] == (expect == 0)
    return {check["name"]: (check["level"], check["message"]) for check in document["checks"]}


def test_a_sound_home(jobctl: Jobctl, daemon: StartDaemon) -> None:
    one = daemon()
    jobctl("add", "one", "--", "true", expect=0)
    found = levels(jobctl, 0)
    assert {level for level, _ in found.values()} <= {"ok", "warn"}
    assert found["daemon"][0] == "ok" and f"process {one.pid}" in found["daemon"][1]
    assert found["database"] == ("ok", found["database"][1]) and "sound" in found["database"][1]
    assert found["jobs"] == ("ok", "1 job: commands, directories and files are there")


def test_without_a_daemon_it_warns(jobctl: Jobctl) -> None:
    jobctl("run", "--", "true", expect=0)
    assert levels(jobctl, 0)["daemon"] == ("warn", "no daemon is running; start: jobctl daemon")


def test_a_new_home_is_left_alone(jobctl: Jobctl, home: Path) -> None:
    home.rmdir()
    found = levels(jobctl, 0)
    assert found["home"] == ("ok", f"{home} is not there yet; the first command makes it")
    assert not home.exists()


def test_what_a_job_lacks_is_named(jobctl: Jobctl, tmp_path: Path) -> None:
    program, directory, secret = tmp_path / "program", tmp_path / "directory", tmp_path / "secret"
    program.write_text("#!/bin/sh\n", encoding="ascii")
    program.chmod(0o700)
    directory.mkdir()
    secret.write_text("x", encoding="ascii")
    jobctl("add", "one", "--cwd", directory, "--env", f"PASSWORD=@{secret}", "--", program, expect=0)
    assert levels(jobctl, 0)["jobs"][0] == "ok"
    program.unlink()
    secret.unlink()
    directory.rmdir()
    document = jobctl("doctor", "--json", expect=1).json
    assert [check["message"] for check in document["checks"] if check["name"] == "job one"] == [
        f"its directory {directory} is not there",
        f"there is no program {program}",
        f"the file {secret} for PASSWORD cannot be read",
    ]


def test_open_permissions(jobctl: Jobctl, home: Path) -> None:
    jobctl("run", "--", "true", expect=0)
    (home / "jobctl.db").chmod(0o644)
    level, message = levels(jobctl, 1)["permissions"]
    assert level == "fail" and message.endswith(f"chmod 600 {home / 'jobctl.db'}")


def test_hard_link(jobctl: Jobctl, home: Path, tmp_path: Path) -> None:
    jobctl("run", "--", "true", expect=0)
    os.link(home / "jobctl.db", home / "other")
    assert levels(jobctl, 1)["links"][0] == "fail"


def test_damaged_database(jobctl: Jobctl, home: Path) -> None:
    for _ in range(20):
        jobctl("run", "--", "true", expect=0)
    for name in ("jobctl.db-wal", "jobctl.db-shm"):
        (home / name).unlink(missing_ok=True)
    path = home / "jobctl.db"
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    level, message = levels(jobctl, 1)["database"]
    assert level == "fail" and "damaged" in message
    assert path.read_bytes() == content


def test_a_clock_that_went_back(jobctl: Jobctl, clock_file: ClockFile) -> None:
    clock_file.set(wall=7200)
    jobctl("run", "--", "true", expect=0)
    clock_file.set(wall=0)
    assert levels(jobctl, 0)["clock"][0] == "warn"
    clock_file.set(wall=-40 * 366 * 86400)
    assert levels(jobctl, 1)["clock"][0] == "fail"


def test_a_home_that_is_a_file(jobctl: Jobctl, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    found = jobctl("--home", path, "doctor", expect=1)
    assert f"{path} is not a directory" in found.stdout


MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:25 / /home rw - nfs4 server:/home rw
31 30 0:26 / /home/with\\040space rw - fuse.sshfs host:/ rw
32 22 0:27 / /run rw master:3 propagate_from:2 - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("directory", "kind"),
    [
        ("/srv/x", "ext4"),
        ("/home/alice", "nfs4"),
        ("/homes", "ext4"),
        ("/home/with space/x", "fuse.sshfs"),
        ("/run", "tmpfs"),
    ],
)
def test_kinds_of_file_systems(directory: str, kind: str) -> None:
    assert file_system_kind(Path(directory), MOUNTS) == kind


def test_sizes() -> None:
    assert [size(count) for count in (0, 1023, 1536, 150 * 1024, 3 * 1024**3)] == [
        "0 bytes",
        "1023 bytes",
        "1.5 KiB",
        "150 KiB",
        "3.0 GiB",
    ]
