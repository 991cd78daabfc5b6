"""Handing over to runners what is claimed, with the orders that make an attempt begin."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from jobctl import claiming
from jobctl.assignment import Assignment, Runner
from jobctl.claiming import Candidate, Claimed
from jobctl.fleet import Fleet
from jobctl.model import JobVersion, Outcome, Reason, Status
from jobctl.orders import CannotPrepare, Orders, is_fixed
from jobctl.pace import Pace
from jobctl.store import Store


class HandOver:
    """After the commit of a claim, or in two steps around it: `prepare` before, then `go` or `withdraw`."""

    def __init__(self, fleet: Fleet, store: Store, paces: Pace) -> None:
        self.fleet = fleet
        self.store = store
        self.paces = paces
        self.prepared: list[Claimed] = []
        """What runners hold until its claim is committed."""

    def hand_over(self, claimed: Iterable[Claimed]) -> None:
        """Send the runners their orders, now that the claim is committed. What the store refuses changes nothing."""
        claimed = list(claimed)
        numbers = {one.job_version_id for one, _ in claimed}
        versions = {number: (self.store.job_version(number), self.paces.expected(number)) for number in numbers}
        large = {
            one.sequence: self.store.payload(one.sequence)[0]
            for one, _ in claimed
            if one.data_size > claiming.INLINE and one.runner_id is None
        }
        orders: dict[str, Orders] = {}
        for one, runner_id in claimed:
            runner = self.fleet.runners.get(runner_id)
            if runner is None:  # it died while its system job waited for a slot; the burial decides
                continue
            if one.runner_id is not None:
                self.fleet.go_on(runner, one.sequence, one.claim)
                continue
            if (order := orders.get(runner_id)) is None:
                order = orders[runner_id] = Orders(runner)
            data = large.get(one.sequence, one.data)
            self._give(runner, one, *versions[one.job_version_id], data, order)
        self._send_rest(orders)

    def prepare(self, claimed: list[Claimed]) -> None:
        """Send the runners what is about to be committed: they read it meanwhile, and hold it until they are told to
        go. What takes more than a message is left to `hand_over`."""
        found = {number: self.store.job_version(number) for number in {one.job_version_id for one, _ in claimed}}
        if not all(is_fixed(version.definition) for version in found.values()):
            return
        if any(one.runner_id is not None or one.data_size > claiming.INLINE for one, _ in claimed):
            return
        orders = {runner_id: Orders(self.fleet.runners[runner_id], "prepare") for _, runner_id in claimed}
        try:
            for one, runner_id in claimed:
                for message in orders[runner_id].add(found[one.job_version_id], one, one.data):
                    self.fleet.send(self.fleet.runners[runner_id], message)
        except CannotPrepare:
            self._tell(orders, "forget")
            return
        self._send_rest(orders)
        self.prepared = claimed

    def is_prepared(self, ids: list[bytes]) -> bool:
        """Whether these are what runners hold, and nothing else is."""
        return [one.hex() for one in ids] == [one.id for one, _ in self.prepared]

    def withdraw(self) -> None:
        """What was prepared is not committed."""
        prepared, self.prepared = self.prepared, []
        self._tell({runner_id for _, runner_id in prepared}, "forget")

    def go(self) -> bool:
        """What was prepared is committed: let it begin; whether anything was."""
        prepared, self.prepared = self.prepared, []
        if not prepared:
            return False
        self._tell({runner_id for _, runner_id in prepared}, "go")
        os.sched_yield()  # they may be waiting for this very processor
        for one, runner_id in prepared:
            version = one.job_version_id
            self._note(self.fleet.runners[runner_id], one, version, self.paces.expected(version))
        return True

    def _tell(self, runners: Iterable[str], word: str) -> None:
        for runner_id in runners:
            self.fleet.send(self.fleet.runners[runner_id], {"k": word})

    def _send_rest(self, orders: Mapping[str, Orders]) -> None:
        for runner_id, order in orders.items():
            for message in order.rest():
                self.fleet.send(self.fleet.runners[runner_id], message)

    def _give(
        self,
        runner: Runner,
        one: Candidate,
        version: JobVersion,
        expected: float | None,
        data: str | None,
        orders: Orders,
    ) -> None:
        self._note(runner, one, version.id, expected)
        try:
            for message in orders.add(version, one, data):
                self.fleet.send(runner, message)
        except CannotPrepare as error:
            self._fail(runner, one, str(error))

    def _note(self, runner: Runner, one: Candidate, version: int, expected: float | None) -> None:
        """Know that the runner has it now."""
        expected = expected if one.concurrency is None else None
        given = Assignment(one.sequence, one.claim, one.attempt + 1, version, one.priority, expected)
        runner.given[one.sequence] = given
        runner.last_version = version

    def _fail(self, runner: Runner, candidate: Candidate, message: str) -> None:
        """It cannot even be handed over: recorded at the next turn like an end that a runner reports."""
        at = self.fleet.clock.now()
        who = {"sequence": candidate.sequence, "claim": candidate.claim, "attempt": candidate.attempt + 1}
        outcome = asdict(Outcome(Status.FAILED, Reason.SPAWN, message=message, ended_on=at))
        self.fleet.inbox.append((runner, {"k": "end", "at": at, "outcome": outcome, **who}))
