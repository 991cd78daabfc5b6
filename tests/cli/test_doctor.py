"""`jobctl doctor`."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import apsw
import pytest

from jobctl.doctor.checks import size
from jobctl.doctor.home import file_system_kind
from tests.conftest import ClockFile, Jobctl, StartDaemon, wait_until
from tests.end_to_end.witness import runners

pytestmark = pytest.mark.thorough


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
    secret.chmod(0o600)
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


def test_a_secret_that_others_may_read(jobctl: Jobctl, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x", encoding="ascii")
    secret.chmod(0o640)
    jobctl("add", "one", "--env", f"PASSWORD=@{secret}", "--", "true", expect=0)
    level, message = levels(jobctl, 0)["job one"]
    assert (level, message) == (
        "warn",
        f"others may read the file {secret} for PASSWORD (0640): chmod 600 {secret}",
    )
    secret.chmod(0o600)
    assert levels(jobctl, 0)["jobs"][0] == "ok"


def test_a_zone_that_is_gone(jobctl: Jobctl, home: Path) -> None:
    jobctl("add", "one", "--cron", "@daily", "--tz", "Europe/Madrid", "--", "true", expect=0)
    assert levels(jobctl, 0)["jobs"][0] == "ok"
    plant(home, "UPDATE schedules SET time_zone = 'Mars/Phobos'")
    level, message = levels(jobctl, 1)["job one"]
    assert level == "fail" and "its schedule cannot be computed" in message and "Mars/Phobos" in message
    jobctl("unschedule", "one", expect=0)
    assert levels(jobctl, 0)["jobs"][0] == "ok", "what rests for ever needs no zone"


def test_a_callable_whose_interpreter_is_gone(jobctl: Jobctl, tmp_path: Path) -> None:
    python, place = tmp_path / "python", tmp_path / "place"
    python.symlink_to(sys.executable)
    place.mkdir()
    jobctl("add", "one", "--callable", "shop:tidy", "--python", python, "--cwd", place, expect=0)
    assert levels(jobctl, 0)["jobs"][0] == "ok"
    python.unlink()
    assert levels(jobctl, 1)["job one"] == ("fail", f"there is no program {python}")


def plant(home: Path, text: str) -> None:
    database = apsw.Connection(str(home / "jobctl.db"))
    database.execute(text)
    database.close()


def test_a_daemon_that_is_stopped(jobctl: Jobctl, daemon: StartDaemon) -> None:
    one = daemon()
    one.send(signal.SIGSTOP)
    wait_until(lambda: "State:\tT" in Path(f"/proc/{one.pid}/status").read_text())
    level, message = levels(jobctl, 1)["daemon"]
    assert level == "fail" and message.endswith(f"kill -CONT {one.pid}")


def test_a_daemon_of_another_version(jobctl: Jobctl, daemon: StartDaemon, home: Path) -> None:
    daemon()
    plant(home, "UPDATE daemons SET version = '0.0.1'")
    level, message = levels(jobctl, 0)["daemon"]
    assert level == "warn" and "jobctl 0.0.1" in message and "start the daemon again" in message


def test_runners(jobctl: Jobctl, daemon: StartDaemon, home: Path) -> None:
    daemon("--shutdown-timeout", "0s")
    number = jobctl("run", "--", "sleep", "60", expect=0).stdout.strip()
    wait_until(lambda: jobctl("show", number, "--json").json["system_job"]["started_on"])
    assert levels(jobctl, 0)["runners"] == ("ok", "1 alive, none stuck")
    (pid,) = runners(home)
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: "State:\tT" in Path(f"/proc/{pid}/status").read_text())
    level, message = levels(jobctl, 0)["runners"]
    assert level == "warn" and message.endswith(f"kill -CONT {pid}")
    os.kill(pid, signal.SIGCONT)
    plant(home, f"UPDATE system_jobs SET message = 'stuck: 1 processes survive' WHERE sequence = {number}")
    level, message = levels(jobctl, 0)["runners"]
    assert level == "warn" and message.startswith(f"processes of #{number} survive SIGKILL")


def test_jumps_of_the_clock(jobctl: Jobctl, daemon: StartDaemon, clock_file: ClockFile) -> None:
    daemon()
    assert levels(jobctl, 0)["clock jumps"] == ("ok", "none in the last 7 days")
    clock_file.set(wall=48 * 3600.0)

    def told() -> bool:  # whatever else is found: the daemon's last sign of life is of before the jump
        checks = jobctl("doctor", "--json").json["checks"]
        (message,) = [check["message"] for check in checks if check["name"] == "clock jumps"]
        return "1 in the last 7 days, by +48 h on " in message

    wait_until(told)
    clock_file.set(wall=0.0)


def test_the_size_of_the_home(jobctl: Jobctl, daemon: StartDaemon) -> None:
    daemon()
    jobctl("run", "--wait", "--", "head", "-c", "300000", "/dev/zero", expect=0)
    level, message = levels(jobctl, 0)["size"]
    assert level == "ok" and re.fullmatch(r"[\d.]+ KiB in all, (29\d|30\d) KiB of it output in 1 file", message)


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
