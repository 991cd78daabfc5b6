"""Worlds for the tests of the store: a fresh home each, a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jobctl import moves
from jobctl.why import Explanation
from tests.spanish import check_message, check_sentence
from tests.store.world import Template, World


@pytest.fixture
def world(template: Template, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("JOBCTL_ID", "JOBCTL_DEPTH"):
        monkeypatch.delenv(name, raising=False)
    made = template.world()
    yield made
    template.discard(made)


@pytest.fixture(scope="session")
def template() -> Iterator[Template]:
    made = Template()
    yield made
    made.remove()


@pytest.fixture(autouse=True)
def all_that_is_said_is_spanish_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is explained, and each message of a decision: a new sentence fails here until `web/page/es` has it."""
    made = Explanation.__init__

    def explained(self: Explanation, *given: Any, **named: Any) -> None:
        made(self, *given, **named)
        for fact in self.facts:
            check_sentence(fact.text)

    def noted(decide: Callable[..., Any], place: int) -> Callable[..., Any]:
        def decided(tx: Any, *given: Any) -> Any:
            if len(given) > place and given[place] is not None:
                check_message(given[place], tx.actor)
            return decide(tx, *given)

        return decided

    monkeypatch.setattr(Explanation, "__init__", explained)
    monkeypatch.setattr(moves, "complete", noted(moves.complete, 3))
    monkeypatch.setattr(moves, "cancel", noted(moves.cancel, 2))
