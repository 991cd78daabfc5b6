"""jobctl: cron, at, a task queue and a process monitor in one command with memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobctl.api import current, emit, job, result, wait
    from jobctl.model import SystemJob
    from jobctl.submission import submit, submit_many

__version__ = "0.1.0"
__all__ = ["SystemJob", "__version__", "current", "emit", "job", "result", "submit", "submit_many", "wait"]

_HOMES = {
    **dict.fromkeys(("current", "emit", "job", "result", "wait"), "jobctl.api"),
    **dict.fromkeys(("submit", "submit_many"), "jobctl.submission"),
    "SystemJob": "jobctl.model",
}


def __getattr__(name: str) -> Any:
    # A user's module that only decorates its functions must not pay for the database.
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'jobctl' has no attribute {name!r}")
    import importlib

    found = globals()[name] = getattr(importlib.import_module(home), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
