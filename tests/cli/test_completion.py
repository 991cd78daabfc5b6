"""`jobctl completion`, and what shells are offered."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobctl.cli import COMMANDS
from tests.conftest import Jobctl


def offered(jobctl: Jobctl, *words: str) -> list[str]:
    """What bash is offered for the last of the words."""
    env = {
        "_JOBCTL_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["jobctl", *words]),
        "COMP_CWORD": str(len(words)),
    }
    return [line.partition(",")[2] for line in jobctl(env=env).stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("shell", "word"), [("bash", "complete -o"), ("zsh", "compdef"), ("fish", "complete --no-files")]
)
def test_scripts_name_the_command(jobctl: Jobctl, shell: str, word: str) -> None:
    script = jobctl("completion", shell, expect=0).stdout
    assert word in script and "jobctl" in script


def test_the_present_shell_is_the_default(jobctl: Jobctl) -> None:
    document = jobctl("completion", "--json", env={"SHELL": "/usr/bin/fish"}, expect=0).json
    assert document["shell"] == "fish"
    assert jobctl("completion", env={"SHELL": "/bin/csh"}, expect=2).stderr == (
        "jobctl: no completion for the shell 'csh'; there are: bash, zsh, fish\n"
    )


def test_commands_options_and_names_are_offered(jobctl: Jobctl) -> None:
    jobctl("add", "backup", "--", "true", expect=0)
    jobctl("add", "bundle", "--", "true", expect=0)
    assert offered(jobctl, "re") == [name for name in COMMANDS if name.startswith("re")]
    assert offered(jobctl, "show", "b") == ["backup", "bundle"]
    assert offered(jobctl, "edit", "ba") == ["backup"]
    assert offered(jobctl, "add", "x", "--retry-") == ["--retry-delay", "--retry-backoff"]
    assert offered(jobctl, "add", "x", "--on-lost", "") == ["fail", "retry"]


def test_completion_makes_no_home_and_no_noise(jobctl: Jobctl, environment: dict[str, str], tmp_path: Path) -> None:
    environment["JOBCTL_HOME"] = str(tmp_path / "none")
    assert offered(jobctl, "show", "b") == []
    assert not (tmp_path / "none").exists()
