"""What a run is given from files, as the daemon reads it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jobctl.orders import MAX_VARIABLE, CannotPrepare, content


def test_the_text_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret\n")
    assert content(str(tmp_path / "key")) == "s3cret\n"


def test_a_pipe_that_nobody_writes_to_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CannotPrepare, match="not a regular file"):
        content(str(tmp_path / "pipe"))


def test_what_never_ends_or_is_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotPrepare, match="not a regular file"):
        content("/dev/zero")
    (tmp_path / "big").write_text("x" * (MAX_VARIABLE + 1))
    with pytest.raises(CannotPrepare, match="too large"):
        content(str(tmp_path / "big"))
