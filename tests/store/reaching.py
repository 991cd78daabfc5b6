"""How each state comes about, in as few steps as it takes."""

from __future__ import annotations

from collections.abc import Callable

from jobctl.model import Reason, Status
from tests.store.driver import Driver
from tests.store.expected import MINUTE, Terms

FAILURES = [
    "exit",
    "signal",
    "timeout",
    "no_result",
    "result_too_large",
    "spawn",
    "import",
    "arguments",
    "exception",
    "memory",
]
RETRYING = Terms(retries=2, on_lost="retry")


def submitted(driver: Driver, terms: Terms | None = None) -> int:
    driver.add("work", terms or Terms())
    return driver.submit("work")


def occurrence(driver: Driver) -> int:
    driver.add("work", Terms())
    driver.schedule("work", ("every", 10 * MINUTE, driver.books.now + MINUTE, None))
    return driver.books.last


def steps(*operations: str, terms: Terms | None = None) -> Callable[[Driver], int]:
    def reach(driver: Driver) -> int:
        sequence = submitted(driver, terms)
        for operation in operations:
            driver.operate(operation, sequence)
        return sequence

    return reach


def at_an_instant(driver: Driver) -> int:
    driver.add("work", Terms())
    return driver.submit("work", driver.books.now + MINUTE)


def of_schedule(*operations: str) -> Callable[[Driver], int]:
    def reach(driver: Driver) -> int:
        sequence = occurrence(driver)
        for operation in operations:
            driver.operate(operation, sequence)
        return sequence

    return reach


def overlapped(driver: Driver) -> int:
    first = of_schedule("promote when due", "claim", "begin")(driver)
    driver.operate("promote when due", first + 1)
    return first + 1


def missed(driver: Driver) -> int:
    first = occurrence(driver)
    driver.tick(35 * MINUTE)
    driver.promote()
    return first


def held(driver: Driver) -> int:
    sequence = submitted(driver, RETRYING)
    for _ in range(3):
        for operation in ("claim", "begin", "lose", "promote"):
            driver.operate(operation, sequence)
    return sequence


def ended(status: Status, reason: Reason) -> Callable[[Driver], int]:
    def reach(driver: Driver) -> int:
        sequence = steps("claim", "begin")(driver)
        driver.end(sequence, status, reason)
        return sequence

    return reach


STATES: dict[str, Callable[[Driver], int]] = {
    "ready": steps(),
    "ready+process": steps("claim", "begin", "pause", "stand still", "resume"),
    "scheduled": of_schedule(),
    "submitted": at_an_instant,
    "postponed": of_schedule("postpone"),
    "postponed+process": steps("claim", "begin", "postpone", "stand still"),
    "paused": steps("claim", "pause", "hand back"),
    "paused+process": steps("claim", "begin", "pause", "stand still"),
    "retrying": steps("claim", "begin", "fail", terms=RETRYING),
    "canceling+process": steps("claim", "begin", "pause", "stand still", "cancel"),
    "held": held,
    "in_progress": steps("claim"),
    "in_progress+begun": steps("claim", "begin", terms=RETRYING),
    "pausing": steps("claim", "pause"),
    "pausing+begun": steps("claim", "begin", "pause"),
    "canceling": steps("claim", "cancel"),
    "canceling+begun": steps("claim", "begin", "cancel"),
    "succeeded": of_schedule("promote when due", "claim", "end well"),
    "failed/lost": steps("claim", "begin", "lose"),
    "canceled/user": steps("cancel"),
    "canceled/overlap": overlapped,
    "canceled/missed": missed,
    "canceled/unscheduled": of_schedule("unschedule"),
    "canceled/daemon_stopped": steps("claim", "stop with the daemon"),
    **{f"failed/{reason}": ended(Status.FAILED, reason) for reason in map(Reason, FAILURES)},
}
"""Every state, with its reason, that the commands built so far can bring about."""
