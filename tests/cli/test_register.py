"""`jobctl register`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Jobctl

pytestmark = pytest.mark.thorough

TASKS = """
import jobctl
print("noise")

@jobctl.job(name="invoice", retries=3, token="ledger", timeout="5m", tags=["a"], env={"A": "1"}, isolate=True)
def make_invoice(month: str) -> dict: ...

@jobctl.job
def plain(): ...

def unmarked(): ...
"""


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    file = tmp_path / "shop" / "tasks.py"
    file.parent.mkdir()
    file.write_text(TASKS)
    return file


def register(jobctl: Jobctl, tmp_path: Path, *arguments: str, expect: int = 0) -> dict[str, str]:
    """What became of each job."""
    registered: dict[str, str] = jobctl("register", "--json", *arguments, cwd=tmp_path, expect=expect).json[
        "registered"
    ]
    return registered


@pytest.mark.usefixtures("tasks")
def test_marked_functions_become_jobs(jobctl: Jobctl, tmp_path: Path) -> None:
    done = jobctl("register", "shop.tasks", cwd=tmp_path, expect=0)
    assert done.stdout == "added      invoice  shop.tasks:make_invoice\nadded      plain  shop.tasks:plain\n"
    assert done.stderr == "noise\n"
    job = jobctl("show", "invoice", "--json").json["job"]
    assert (job["callable"], job["path"], job["cwd"]) == ("shop.tasks:make_invoice", [str(tmp_path)], str(tmp_path))
    assert (job["retries"], job["token"], job["timeout"], job["tags"]) == (3, "ledger", 300.0, ["a"])
    assert (job["environment"]["A"], job["isolate"]) == ("1", True)


def test_registering_again_updates_what_changed(jobctl: Jobctl, tmp_path: Path, tasks: Path) -> None:
    register(jobctl, tmp_path, "shop.tasks")
    jobctl("schedule", "plain", "--every", "1h", expect=0)
    assert register(jobctl, tmp_path, "shop.tasks") == {"invoice": "unchanged", "plain": "unchanged"}
    tasks.write_text(TASKS.replace("retries=3", "retries=4"))
    assert register(jobctl, tmp_path, "shop.tasks") == {"invoice": "updated", "plain": "unchanged"}
    assert jobctl("show", "invoice", "--json").json["job"]["retries"] == 4
    assert jobctl("show", "plain", "--json").json["job"]["schedule"]["active"]


@pytest.mark.usefixtures("tasks")
def test_another_shell_is_no_change(jobctl: Jobctl, environment: dict[str, str], tmp_path: Path) -> None:
    register(jobctl, tmp_path, "shop.tasks")
    environment["PATH"] += ":/somewhere/else"
    assert set(register(jobctl, tmp_path, "shop.tasks").values()) == {"unchanged"}


@pytest.mark.usefixtures("tasks")
def test_a_command_of_the_same_name_is_left_alone(jobctl: Jobctl, tmp_path: Path) -> None:
    jobctl("add", "plain", "--", "true", expect=0)
    refused = jobctl("register", "shop.tasks", cwd=tmp_path, expect=4)
    assert "job 'plain' exists and runs a command (true)" in refused.stderr
    assert [job["name"] for job in jobctl("list", "--json").json["jobs"]] == ["plain"]


@pytest.mark.usefixtures("tasks")
def test_installed_packages_offer_theirs(jobctl: Jobctl, environment: dict[str, str], tmp_path: Path) -> None:
    about = tmp_path / "shop-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: shop\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[jobctl.jobs]\nall = shop.tasks\n")
    environment["PYTHONPATH"] += f":{tmp_path}"
    assert register(jobctl, Path("/"), "--installed") == {"invoice": "added", "plain": "added"}
    assert jobctl("show", "plain", "--json").json["job"]["path"] == []
    (about / "entry_points.txt").write_text("[jobctl.jobs]\none = shop.tasks:plain\n")
    assert register(jobctl, Path("/"), "--installed") == {"plain": "unchanged"}


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("x = 1", "nothing to register: broken has no such function; decorate one with @jobctl.job"),
        ("1/0", "cannot import broken: ZeroDivisionError: division by zero"),
        ("raise SystemExit(0)", "cannot import broken: SystemExit: 0"),
        ("def f(:", "cannot import broken: SyntaxError: "),
        (
            "import jobctl\n@jobctl.job(retrys=3)\ndef f(): ...",
            "cannot import broken: TypeError: jobctl.job() has no option",
        ),
        ("import jobctl\n@jobctl.job(retries=-3)\ndef f(): ...", "broken:f: retries: -3 is not in the range"),
        ("import jobctl\n@jobctl.job(timeout='soon')\ndef f(): ...", "broken:f: timeout: 'soon' is no duration"),
        ("import jobctl\n@jobctl.job(token=5)\ndef f(): ...", "broken:f: token cannot be 5"),
        ("import jobctl\n@jobctl.job(env={'A_KEY': 'x'})\ndef f(): ...", "broken:f: --env A_KEY=… would keep a secret"),
        ("import jobctl\n@jobctl.job(name='a b')\ndef f(): ...", "broken:f: 'a b' "),
        (
            "import jobctl\n@jobctl.job(name='a')\ndef f(): ...\n@jobctl.job(name='a')\ndef g(): ...",
            "broken:f and broken:g are both named 'a'; name one differently",
        ),
    ],
)
def test_broken_modules_are_one_sentence(jobctl: Jobctl, tmp_path: Path, source: str, sentence: str) -> None:
    (tmp_path / "broken.py").write_text(source)
    refused = jobctl("register", "broken", cwd=tmp_path, expect=2)
    assert refused.stderr.startswith(f"jobctl: {sentence}")
    assert refused.stderr.count("\n") == 1
    assert jobctl("list", "--json").json["jobs"] == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "give the name of a module, or --installed"),
        (["a", "--installed"], "give the name of a module, or --installed"),
        (["missing"], "cannot import missing: ModuleNotFoundError: No module named 'missing'"),
        (
            ["./shop/tasks.py"],
            "'./shop/tasks.py' is a file; write the module's name, as in: jobctl register shop.tasks",
        ),
        (["a b"], "'a b' is not the name of a module"),
        (["a\x1b"], "a module's name contains the control character U+001B"),
    ],
)
def test_bad_module_names(jobctl: Jobctl, arguments: list[str], sentence: str) -> None:
    assert jobctl("register", *arguments, expect=2).stderr.startswith(f"jobctl: {sentence}")
