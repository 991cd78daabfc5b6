"""Every schedule that these tests put into words is put into Spanish, too; and nobody collects while they measure."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

import pytest

from jobctl.schedule.on_start import OnStart
from jobctl.schedule.once import Once
from jobctl.schedule.recurring import Recurring
from jobctl.schedule.skip import Without
from tests.spanish import check_schedule


@pytest.fixture(autouse=True)
def uncollected() -> Iterator[None]:
    """Some measure their own CPU time: a walk over what thousands of other tests left behind is not theirs."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(autouse=True)
def all_words_are_spanish_too(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A new phrase of a schedule's words fails here until `jobctl/web/page/es/schedules.py` has it."""
    said: set[str] = set()

    def noted(make: Callable[..., str]) -> Callable[..., str]:
        def described(*given: object, **named: object) -> str:
            text = make(*given, **named)
            said.add(text)
            return text

        return described

    under = Recurring.under.__func__  # type: ignore[attr-defined]

    def made(*given: object, **named: object) -> Recurring:
        found: Recurring = under(*given, **named)
        said.add(found.words)
        return found

    monkeypatch.setattr(Recurring, "under", classmethod(made))
    for kind in (Once, OnStart, Recurring, Without):
        monkeypatch.setattr(kind, "describe", noted(kind.describe))
    yield
    for text in said:
        check_schedule(text)
