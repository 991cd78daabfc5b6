"""The rules of the house: who imports whom, and what may stand where."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "jobctl"

CLOCK_READERS = {
    "clock.py",
    "runner/worker.py",  # run by path under any interpreter, so it can import nothing of jobctl
    "runner/leftovers.py",  # beside it
}
CLOCK_READS = {
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "sleep", "perf_counter", "perf_counter_ns", "localtime"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
}
SQL = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH|CREATE|ALTER|DROP)\s+[\w*(]", re.ASCII)
DATABASE_FILE = "jobctl.db"

MAX_FILE = 400
MAX_FUNCTION = 40


def sources() -> list[str]:
    return sorted(str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py"))


@cache
def tree(name: str) -> ast.Module:
    return ast.parse((PACKAGE / name).read_text(encoding="utf-8"))


def imported(name: str) -> set[str]:
    """The top-level packages a file imports, at whatever depth."""
    found: set[str] = set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def clock_reads(name: str) -> Iterator[str]:
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (f"from time import {alias.name}" for alias in node.names if alias.name in CLOCK_READS["time"])
        if not isinstance(node, ast.Attribute):
            continue
        owner = ast.unparse(node.value).rpartition(".")[2]
        if node.attr in CLOCK_READS.get(owner, ()):
            yield f"line {node.lineno}: {owner}.{node.attr}"


def strings(name: str) -> Iterator[tuple[int, str]]:
    """Every string of a file that is not a docstring, with its line."""
    documentation = {
        id(node.value)
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.lineno, node.value


def functions(name: str) -> Iterator[tuple[str, int]]:
    """Every function of a file with the lines of its body, the docstring left out."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            yield f"{name}:{node.lineno} {node.name}", (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def none_of(findings: Iterable[object]) -> None:
    assert list(findings) == []


def test_each_layer_imports_only_those_below() -> None:
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True, no_logo=True))"
    path = {**os.environ, "PYTHONPATH": str(ROOT)}
    # In a process of its own: what other tests left in this one is no ground to fork on.
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_the_clock_reads_clocks_and_sleeps() -> None:
    none_of(f"{name}: {read}" for name in sources() if name not in CLOCK_READERS for read in clock_reads(name))


def test_only_the_database_module_imports_the_engine() -> None:
    assert {name for name in sources() if {"apsw", "sqlite3"} & imported(name)} == {"database.py"}


def test_sql_stands_in_sql_files() -> None:
    none_of(f"{name}:{line} {text[:60]!r}" for name in sources() for line, text in strings(name) if SQL.match(text))


def test_only_the_command_line_imports_click() -> None:
    click = {name for name in sources() if "click" in imported(name)}
    none_of(name for name in click if name != "cli.py" and not name.startswith("commands/"))


def test_only_config_names_the_database_file() -> None:
    """Opening it by other means than the engine would drop the engine's locks when it is closed."""
    none_of(
        f"{name}:{line}"
        for name in sources()
        if name != "config.py"
        for line, text in strings(name)
        if text.endswith(DATABASE_FILE)
    )
    none_of(
        f"{name}:{node.lineno} {ast.unparse(node)}"
        for name in sources()
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Call)
        and re.search(r"(^|\.)(open|read_bytes|read_text|write_bytes|write_text)$", ast.unparse(node.func))
        and re.search(r"(config|self)\.database\b", ast.unparse(node))
    )


def test_the_worker_needs_nothing_but_the_standard_library() -> None:
    import sys

    for name in ("runner/worker.py", "runner/calling.py", "runner/leftovers.py"):
        none_of(imported(name) - set(sys.stdlib_module_names))


def test_nothing_below_the_command_line_prints_or_exits() -> None:
    doors = ("cli.py", "__main__.py", "output/", "commands/")
    in_a_run = ("api.py", "runner/worker.py")  # what a run prints is its log
    none_of(
        f"{name}:{node.lineno} {ast.unparse(node.func)}"
        for name in sources()
        if not name.startswith(doors + in_a_run)
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "sys.exit", "exit")
    )


def test_files_stay_short() -> None:
    lengths = {name: len((PACKAGE / name).read_text(encoding="utf-8").splitlines()) for name in sources()}
    none_of(f"{name}: {length}" for name, length in lengths.items() if length > MAX_FILE)


def test_functions_stay_short() -> None:
    none_of(f"{where}: {length}" for name in sources() for where, length in functions(name) if length > MAX_FUNCTION)
