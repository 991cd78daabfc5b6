"""Bugs to be planted one at a time, to see that the model-based test would notice them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobctl import control, database, ledger, moves, outcomes, submitting
from jobctl.model import Reason, State, Status, SystemJob
from jobctl.store import Transaction

Plant = Callable[[pytest.MonkeyPatch], None]


def sql(old: str, new: str) -> Plant:
    """Another text in place of `old` in the named statements."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        real = database.statements

        def statements(path: Path) -> dict[str, str]:
            found = real(path)
            assert any(old in text for text in found.values()), old
            return {name: text.replace(old, new) for name, text in found.items()}

        patch.setattr(database, "statements", statements)

    return plant


def code(module: Any, name: str, make: Callable[[Any], Any]) -> Plant:
    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(module, name, make(getattr(module, name)))

    return plant


def nothing(_: Any) -> Callable[..., None]:
    return lambda *args, **options: None


def resumable_while_canceling(real: Any) -> Any:
    def require(row: SystemJob, operation: str, legal: bool, person_only: bool = False) -> None:
        real(row, operation, legal or row.reason is Reason.CANCELING, person_only)

    return require


def cancelable_when_completed(real: Any) -> Any:
    def require(row: SystemJob, operation: str, legal: bool, person_only: bool = False) -> None:
        real(row, operation, legal or operation == "rerun", person_only)

    return require


def forgets_the_retry(real: Any) -> Any:
    def retry(tx: Transaction, row: SystemJob, ended: SystemJob) -> SystemJob:
        done: SystemJob = real(tx, row, ended)
        return tx.save(done, replace(done, retry_count=row.retry_count))

    return retry


def keeps_the_runner(real: Any) -> Any:
    def retry(tx: Transaction, row: SystemJob, ended: SystemJob) -> SystemJob:
        done: SystemJob = real(tx, row, ended)
        return tx.save(done, replace(done, runner_id=row.runner_id))

    return retry


def ignores_cancel(row: SystemJob) -> bool:
    return False


def kills_unbegun(real: Any) -> Any:
    def hand_back(tx: Transaction, row: SystemJob) -> SystemJob | None:
        if row.status is Status.IN_PROGRESS:
            return tx.save(
                row, replace(row, state=State.READY, status=Status(0), runner_id=None, attempt=row.attempt + 1)
            )
        found: SystemJob | None = real(tx, row)
        return found

    return hand_back


def changes_before_refusing(real: Any) -> Any:
    def pause(store: Any, sequence: int) -> Any:
        row = store.system_job(sequence)
        if row.state is State.READY:
            store.database.connection.execute(
                "UPDATE system_jobs SET priority = priority + 1 WHERE sequence = :sequence", {"sequence": sequence}
            )
        return real(store, sequence)

    return pause


def dropped_by(number: int) -> Callable[[Any], Any]:
    def make(real: Any) -> Any:
        def close_gap(tx: Transaction, row: SystemJob) -> bool:
            closed: bool = real(tx, row)
            if closed:
                tx.database.connection.execute(
                    "UPDATE system_jobs SET dropped = dropped + :number WHERE sequence = :sequence",
                    {"number": number, "sequence": row.sequence},
                )
            return closed

        return close_gap

    return make


def deletes_only(real: Any) -> Any:
    return lambda tx, row: tx.delete(row.sequence)


def postponed_do_not_count(real: Any) -> Any:
    return lambda tx, row: None if row.reason is Reason.POSTPONED else real(tx, row)


def hands_back_canceled(real: Any) -> Any:
    def hand_back(tx: Transaction, row: SystemJob) -> SystemJob | None:
        if row.status is Status.CANCELING and not row.delete_requested:
            return tx.save(row, replace(row, state=State.READY, status=Status(0), runner_id=None))
        found: SystemJob | None = real(tx, row)
        return found

    return hand_back


def joins_nothing(real: Any) -> Any:
    def submit(tx: Transaction, *arguments: Any, **columns: Any) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(moves, "join_planned", lambda tx: None)
            return real(tx, *arguments, **columns)

    return submit


def keeps_the_instant(real: Any) -> Any:
    def pause(store: Any, sequence: int) -> Any:
        until = store.system_job(sequence).pause_until
        real(store, sequence)
        store.database.connection.execute(
            "UPDATE system_jobs SET pause_until = :until WHERE sequence = :sequence",
            {"until": until, "sequence": sequence},
        )

    return pause


def retries_anyway(row: SystemJob, due_at: int) -> tuple[Reason, int]:
    return Reason.RETRYING, due_at


def joins_first(real: Any) -> Any:
    def promote(tx: Transaction) -> int:
        moves.join_planned(tx)
        looked: int = real(tx)
        return looked

    return promote


def never_held(real: Any) -> int:
    return 99


BUGS: dict[str, Plant] = {
    "the claim ignores tokens": sql("state = 0 AND blocked_by IS NULL AND (", "state = 0 AND ("),
    "the claim ignores priority": sql("ORDER BY priority DESC, ready_on", "ORDER BY ready_on"),
    "the claim does not raise the fence": sql("claim = claim + 1", "claim = claim"),
    "late reports are believed": sql(
        "sequence = :sequence AND runner_id = :runner_id AND state < 3\n",
        "sequence = :sequence AND state < 3 AND claim >= 0 OR sequence = :sequence AND state < 3\n",
    ),
    "an end does not release the token": code(moves, "leaving_token", lambda real: lambda tx, row: nullcontext()),
    "what is planned joins when it may run": code(moves, "join_planned", nothing),
    "a canceled head is not followed": code(ledger, "leave_plan", nothing),
    "skipped instants are forgotten": code(ledger, "_pass", nothing),
    "skipped ones count": code(ledger, "_pass", lambda real: ledger.count_if_first),
    "runs are not counted": code(ledger, "count_if_first", nothing),
    "overlap is not seen": sql("AND (state IN (0, 2) OR runner_id IS NOT NULL", "AND (0"),
    "retrying ones are not active": sql(
        "OR reason IN ('retrying', 'held', 'paused'))", "OR reason IN ('held', 'paused'))"
    ),
    "the number dropped is one too many": code(ledger, "_close_gap", dropped_by(+1)),
    "the number dropped is one too few": code(ledger, "_close_gap", dropped_by(-1)),
    "paused ones without a process are not active": sql("'held', 'paused'))", "'held'))"),
    "a forced deletion does not release the token": code(moves, "remove", deletes_only),
    "postponed ones do not count": code(ledger, "count_if_first", postponed_do_not_count),
    "handing back ignores a cancel": code(outcomes, "hand_back", hands_back_canceled),
    "a submission jumps what is planned": code(submitting, "submit_within", joins_nothing),
    "a pause keeps the instant of a postponement": code(control, "pause", keeps_the_instant),
    "a retry forgets that it was to pause": code(outcomes, "_again", lambda real: retries_anyway),
    "a gap is closed after others have joined": code(ledger, "promote", joins_first),
    "retries are not counted": code(outcomes, "_retry", forgets_the_retry),
    "a retry keeps its runner": code(outcomes, "_retry", keeps_the_runner),
    "success wins over cancel": code(outcomes, "canceling", lambda real: ignores_cancel),
    "handing back uses up an attempt": code(outcomes, "hand_back", kills_unbegun),
    "losses never hold": code(outcomes, "MAX_LOSSES", never_held),
    "what cannot be mended is retried": code(outcomes, "NOT_RETRIED", lambda real: frozenset()),
    "canceling ones can be resumed": code(control, "_require", resumable_while_canceling),
    "anything can be run again": code(control, "_require", cancelable_when_completed),
    "a refused pause leaves a trace": code(control, "pause", changes_before_refusing),
    "an edit does not reach the pending occurrence": sql(
        "SET dependency_token = :token, priority = :priority", "SET priority = priority"
    ),
}
