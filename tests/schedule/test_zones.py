"""Zones by name, the machine's own, and what importing the package costs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import jobctl
from jobctl.errors import BadInput
from jobctl.schedule.zones import local_zone_name, zone


@pytest.mark.parametrize("name", ["Europe/Madrid", "UTC", "Asia/Kathmandu", "Etc/GMT+12"])
def test_zones_by_name(name: str) -> None:
    assert zone(name).key == name


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("europe/madrid", "did you mean 'Europe/Madrid'"),
        ("Europe/Madird", "did you mean 'Europe/Madrid'"),
        ("", "write a name"),
        ("Europe", "no time zone"),
        ("../../etc/passwd", "no time zone"),
        ("/etc/localtime", "no time zone"),
        ("localtime", "no time zone"),
        ("right/Europe/Madrid", "no time zone"),
        ("+02:00", "no time zone"),
        ("a\0b", "no time zone"),
        ("\udcff", "no time zone"),
        ("x" * 100_000, "no time zone"),
    ],
)
def test_unknown_zones_are_refused(name: str, hint: str) -> None:
    with pytest.raises(BadInput, match=hint) as raised:
        zone(name)
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    ("tz", "link", "line", "expected"),
    [
        ("Asia/Tokyo", "/usr/share/zoneinfo/Europe/Madrid", "Europe/Paris", "Asia/Tokyo"),
        (":Asia/Tokyo", None, None, "Asia/Tokyo"),
        ("/usr/share/zoneinfo/Asia/Tokyo", None, None, "Asia/Tokyo"),
        ("", "/usr/share/zoneinfo/Europe/Madrid", None, "UTC"),
        ("CET-1CEST,M3.5.0", "/usr/share/zoneinfo/Europe/Madrid", None, "Europe/Madrid"),
        (None, "/usr/share/zoneinfo/Europe/Madrid", "Europe/Paris", "Europe/Madrid"),
        (None, "../usr/share/zoneinfo/posix/Europe/Madrid", None, "Europe/Madrid"),
        (None, None, "Europe/Paris\n", "Europe/Paris"),
        (None, None, "nonsense", "UTC"),
        (None, None, None, "UTC"),
    ],
)
def test_the_machines_zone(tmp_path: Path, tz: str | None, link: str | None, line: str | None, expected: str) -> None:
    if link is not None:
        (tmp_path / "localtime").symlink_to(link)
    if line is not None:
        (tmp_path / "timezone").write_text(line)
    assert local_zone_name({} if tz is None else {"TZ": tz}, tmp_path) == expected


def in_new_interpreter(code: str, **environ: str) -> str:
    path = str(Path(jobctl.__file__).parent.parent)
    run = [sys.executable, "-c", code]
    return subprocess.run(
        run, env={**os.environ, "PYTHONPATH": path, **environ}, check=True, capture_output=True, text=True
    ).stdout


def test_importing_the_package_imports_no_parser() -> None:
    code = (
        "import sys, jobctl.schedule, jobctl.schedule.instants, jobctl.schedule.zones, jobctl.schedule.cron;"
        "print({'croniter', 'dateutil', 'zoneinfo'} & set(sys.modules))"
    )
    assert in_new_interpreter(code) == "set()\n"


def test_zones_are_known_without_the_machines_database() -> None:
    code = "from jobctl.schedule.zones import zone; print(zone('Europe/Madrid'))"
    assert in_new_interpreter(code, PYTHONTZPATH="/nonexistent") == "Europe/Madrid\n"
