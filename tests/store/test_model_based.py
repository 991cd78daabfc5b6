"""Random lives of system jobs, compared step by step with what the design says."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.store.driver import OPERATIONS, Driver
from tests.store.machine import LifeOfSystemJobs
from tests.store.planted import BUGS, Plant
from tests.store.reaching import STATES
from tests.store.world import Template

PAIRS = {(state, operation) for state in STATES for operation in OPERATIONS}
REACHED: Counter[tuple[str, str]] = Counter()
"""By every test of this file."""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The recorder tells of every failed run."""
    log = logging.getLogger("jobctl")
    before, log.disabled = log.disabled, True
    yield
    log.disabled = before


def live(
    template: Template, examples: int, steps: int = 40, phases: Collection[Phase] = tuple(Phase), same: bool = False
) -> None:
    """Random lives; the same ones every time if `same`."""
    LifeOfSystemJobs.template = template
    LifeOfSystemJobs.reached = REACHED
    run_state_machine_as_test(
        LifeOfSystemJobs,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            phases=phases,
            database=None,
            derandomize=same,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def every_pair(template: Template, state: str) -> dict[str, str]:
    """Each operation in that state, in a world of its own; what went wrong."""
    faults: dict[str, str] = {}
    for operation in OPERATIONS:
        driver = Driver(template.world(), REACHED)
        try:
            sequence = STATES[state](driver)
            assert driver.books.rows[sequence].label == state
            driver.operate(operation, sequence)
        except Exception as error:
            faults[operation] = f"{type(error).__name__}: {error}"
        template.discard(driver.world)
    return faults


@pytest.mark.parametrize("state", STATES)
def test_every_operation_in_a_state_does_what_the_design_says(state: str, template: Template) -> None:
    assert every_pair(template, state) == {}
    assert {(state, operation) for operation in OPERATIONS} <= set(REACHED)


def test_any_life_follows_the_design(template: Template) -> None:
    live(template, examples=80, same=True)


def test_every_operation_has_met_every_state(template: Template) -> None:
    """Over all of this file; by itself it goes through them anew."""
    for state in STATES:
        if any((state, operation) not in REACHED for operation in OPERATIONS):
            every_pair(template, state)
    missing = PAIRS - set(REACHED)
    assert not missing, f"{1 - len(missing) / len(PAIRS):.1%} of {len(PAIRS)} reached"


@pytest.mark.campaign
def test_many_lives_follow_the_design(template: Template) -> None:
    live(template, examples=3000, steps=60)


@pytest.mark.campaign
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str, template: Template, monkeypatch: pytest.MonkeyPatch) -> None:
    plant: Plant = BUGS[bug]
    plant(monkeypatch)
    with pytest.raises(Exception, match="."):
        live(template, examples=1500, phases=(Phase.generate,))
