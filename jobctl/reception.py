"""Offering idle runners to submissions, and finding what was claimed for them that way."""

from __future__ import annotations

import json

from jobctl import outcomes
from jobctl.assignment import Runner
from jobctl.claiming import INLINE, Candidate, Claimed
from jobctl.fleet import Fleet
from jobctl.offer import Guest, Offer
from jobctl.store import Store, Transaction


class Reception:
    """Of one daemon.

    A guest is a system job that was submitted and claimed in one commit, which saves the second one. Before the daemon
    claims, it withdraws its offer, and looks for guests in the transaction that claims: whoever saw the offer has
    committed by then, so that no slot is given twice.
    """

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.offer = Offer(fleet.config.run_directory, fleet.generation)
        self.expected: set[str] = set()
        """The runners for which guests may have come, or may yet come."""

    def open(self, room: int) -> None:
        """Offer as many of the idle runners as slots are free."""
        berths = [(runner.id, runner.last_version) for runner in self.fleet.idle() if _is_known(runner)][:room]
        self.offer.make(berths)
        self.expected.update(runner_id for runner_id, _ in berths)

    def close(self) -> None:
        """Offer nothing any more; who has seen the offer may still come."""
        self.offer.withdraw()

    def guests(self, store: Store) -> tuple[list[Claimed], bool, list[int]]:
        """Those who came and were not handed over; whether anything else is ready; those somebody wants otherwise."""
        if not self.expected:
            return [], False, []
        found: list[Claimed] = []
        unwanted: list[int] = []
        parameters = {"runners": json.dumps(list(self.expected)), "inline": INLINE}
        rows = store.database.run("guests", parameters)
        for runner_id, plain, _, *values in rows:
            candidate = Candidate(*values)
            runner = self.fleet.runners.get(runner_id)
            if runner is None or candidate.sequence in runner.given:
                continue
            if plain:
                found.append(Claimed(candidate, runner_id))
            else:
                unwanted.append(candidate.sequence)
        return found, any(row[2] for row in rows), unwanted

    def announced(self, said: bytes) -> Claimed | None:
        """What a submitter is about to commit, as it says itself; None if it makes no sense here."""
        guest = Guest.heard(said)
        if guest is None or guest.runner_id not in self.expected:
            return None
        runner = self.fleet.runners.get(guest.runner_id)
        if runner is None or not runner.idle or runner.last_version != guest.job_version_id:
            return None
        size = 0 if guest.data is None else len(guest.data.encode())
        told = (guest.sequence, guest.id, guest.job_id, guest.job_version_id, guest.priority, 1, 0, guest.depth)
        return Claimed(Candidate(*told, None, None, 0, guest.data, size), guest.runner_id)

    def has_guests(self, store: Store) -> bool:
        """Whether anybody came who is not looked after yet."""
        found, _, unwanted = self.guests(store)
        return bool(found or unwanted)

    def settle(self, tx: Transaction) -> list[Claimed]:
        """The guests, in the transaction that claims: nobody comes after it until the next offer.

        What somebody wants canceled, paused or deleted is not handed over any more.
        """
        found, _, unwanted = self.guests(tx)
        for sequence in unwanted:
            outcomes.hand_back(tx, tx.system_job(sequence))
        if not found:
            self.expected.clear()
        return found


def _is_known(runner: Runner) -> bool:
    """Whether its row is stored, and what it ran last is known."""
    return runner.stored and bool(runner.last_version)
