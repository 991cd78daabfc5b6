"""The same for the life of one system job: what people ask of it and what its runner reports."""

from __future__ import annotations

from tests.store.expected import NEVER_RETRIED, SECOND, Books, Illegal, Row

LEGAL = {
    "ready": {"postpone", "cancel", "delete"},
    "suspended": {"resume", "postpone", "cancel", "delete"},
    "suspended+process": {"resume", "postpone", "cancel", "delete --force"},
    "canceling+process": {"cancel", "delete --force"},
    "locked": {"pause", "postpone", "cancel", "delete --force"},
    "canceling": {"cancel", "delete --force"},
    "completed": {"rerun", "delete"},
}


def legal(row: Row) -> set[str]:
    """What may be asked of it, as the table of moves has it."""
    if row.status == "canceling":
        return LEGAL["canceling"]
    if row.process and row.state in ("ready", "suspended"):
        if row.reason == "canceling":
            return LEGAL["canceling+process"]
        return LEGAL["suspended+process"] - ({"resume"} if row.state == "ready" else set())
    return LEGAL[row.state]


class Life(Books):
    # Requests

    def submit(self, name: str, at: int | None) -> int:
        self.before_joining(self.jobs[name].terms.token)
        row = self.new(self.jobs[name])
        if at is not None and at > self.now:
            self.suspend(row, "scheduled", at)
        else:
            row.ready_on = self.now
            row.due = self.now if at is None else at
        self.join(row)
        return row.sequence

    def require(self, row: Row, operation: str) -> None:
        if operation not in legal(row):
            raise Illegal

    def pause(self, row: Row) -> None:
        self.require(row, "pause")
        row.status, row.until = "pausing", None

    def resume(self, row: Row) -> None:
        self.require(row, "resume")
        if row.token is not None and self.has_gap(row):
            raise Illegal  # by then it is the record of the gap
        self.before_joining(row.token)
        row.due, row.losses = min(row.due, self.now), 0
        self.make_ready(row)

    def cancel(self, row: Row) -> None:
        self.require(row, "cancel")
        self.stop(row)

    def stop(self, row: Row) -> None:
        if row.state == "locked":
            row.status = "canceling"
        elif row.process:
            self.suspend(row, "canceling")
        else:
            self.complete(row, "canceled", "user")
            self.follow(row)

    def postpone(self, row: Row, until: int) -> None:
        self.require(row, "postpone")
        if until <= self.now:
            raise Illegal
        if row.state == "locked":
            row.status, row.until = "pausing", until
            return
        self.suspend(row, "retrying" if row.reason == "retrying" else "postponed", until)
        self.follow(row)

    def rerun(self, row: Row) -> None:
        self.require(row, "rerun")
        if row.job.removed:
            raise Illegal
        self.submit(row.job.name, None)

    def delete(self, row: Row, force: bool) -> None:
        if row.process:
            if not force:
                raise Illegal
            row.doomed = True
            self.stop(row)
            return
        if row.state != "completed":
            self.stop(row)
        self.gone(row)

    # What the daemon does

    def claim(self) -> Row | None:
        ready = [row for row in self.rows.values() if row.state == "ready" and self.blocked_by(row) is None]
        if not ready:
            return None
        row = min(ready, key=lambda r: (-r.priority, r.ready_on, r.sequence))
        row.state, row.status, row.claim, row.until = "locked", "in_progress", row.claim + 1, None
        if not row.process:
            row.process, row.begun, row.started, row.terms = True, False, None, row.job.terms
        return row

    def begin(self, row: Row) -> None:
        if row.state == "locked" and not row.begun:
            row.begun, row.attempt, row.started = True, row.attempt + 1, self.now

    def end(self, row: Row, status: str, reason: str | None) -> None:
        """The attempt ended by itself or because it was told to; reports about none change nothing."""
        if not row.process:
            return
        self.begin(row)
        if row.doomed:
            self.gone(row)
        elif "canceling" in (row.status, row.reason):
            self.complete(row, "canceled", reason if status == "canceled" else "user")
        elif status == "failed" and reason == "lost":
            self.lost(row)
        elif status == "failed" and reason not in NEVER_RETRIED and row.retries < row.terms.retries:
            row.retries += 1
            delay = row.terms.delay * row.terms.backoff ** (row.retries - 1)
            self.again(row, self.now + round(delay * SECOND))
        else:
            self.complete(row, status, reason)

    def lost(self, row: Row) -> None:
        row.losses += 1
        if row.terms.on_lost == "fail":
            self.complete(row, "failed", "lost")
            return
        if row.losses >= 3:
            row.process = row.begun = False
            self.suspend(row, "held")
        else:
            self.again(row, self.now)

    def again(self, row: Row, due: int) -> None:
        """It waits for its next attempt; a pause that was asked for, or has taken effect, holds for that one too."""
        pausing, stands = row.status == "pausing", row.reason in ("paused", "postponed")
        until = row.until if pausing else row.due if row.reason == "postponed" else None
        row.process = row.begun = False
        if not pausing and not stands:
            self.suspend(row, "retrying", due)
        elif until is None:
            self.suspend(row, "paused")
        else:
            self.suspend(row, "postponed", max(until, due))

    def runner_gone(self, row: Row) -> None:
        if not row.process:
            return
        if row.begun:
            self.end(row, "failed", "lost")
        else:
            self.hand_back(row)

    def hand_back(self, row: Row) -> None:
        if not row.process or row.begun:
            return
        if row.doomed:
            self.gone(row)
        elif row.status == "canceling":
            self.complete(row, "canceled", "user")
        elif row.status == "pausing":
            row.process = False
            self.suspend(row, "paused" if row.until is None else "postponed", row.until)
        else:
            row.process = False
            row.state, row.status = "ready", "waiting_for_resources"

    def stands_still(self, row: Row) -> None:
        if row.status == "pausing" and row.begun:
            self.suspend(row, "paused" if row.until is None else "postponed", row.until)
