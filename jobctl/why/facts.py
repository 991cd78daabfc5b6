"""What an explanation is made of: facts in words, and the one command that would change things."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from jobctl.clock import MICROSECONDS
from jobctl.control import ADHOC
from jobctl.document import instant
from jobctl.model import NOT_STARTED, Job, JsonDict, Plan, Reason, State, Status, SystemJob
from jobctl.output.text import local, relative, shorten, span
from jobctl.records import dataclass, field, replace
from jobctl.saying import Recorded, Said, say
from jobctl.saying import listed as joined
from jobctl.store import Event, Store
from jobctl.why.daemons import Presence, presence_of

NOTICE: Final = 2 * MICROSECONDS
"""What takes less is not worth a word."""
INSTANTS: Final = ("since", "until", "at", "by")
"""Names of facts that are instants."""
LONGEST_NAME: Final = 40


@dataclass(frozen=True, slots=True)
class Fact:
    """One recorded fact as a sentence, with its numbers; instants are microseconds UTC."""

    code: str
    text: str
    command: str | None = None
    """What would change it."""
    details: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> JsonDict:
        found = {name: instant(value) if name in INSTANTS else value for name, value in self.details.items()}
        return {"code": self.code, "text": self.text, **found}

    def of(self, row: SystemJob, label: str | None = None) -> Fact:
        """The same, told where another system job or a job is explained: `label` says whom it is about."""
        details = {"system_job": row.sequence, **self.details}
        text = whose(label or named(row), self.text)
        return replace(self, text=text, details=details)

    def without_command(self) -> Fact:
        return replace(self, command=None)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The facts about a job or a system job, the decisive one first."""

    subject: Job | SystemJob
    facts: Sequence[Fact]

    @property
    def command(self) -> str | None:
        """The command that would change it: that of the first fact that has one."""
        return first_command(self.facts)

    def document(self) -> JsonDict:
        subject: JsonDict = {"job": self.subject.name}
        if isinstance(self.subject, SystemJob):
            s = self.subject
            subject = {"job": s.job, "system_job": s.sequence, "state": s.state.label, "status": s.status.label}
        return {
            "subject": subject,
            "reasons": [fact.document() for fact in self.facts],
            "command": self.command,
        }


def first_command(facts: Sequence[Fact]) -> str | None:
    """That of the first fact that has one."""
    return next((fact.command for fact in facts if fact.command is not None), None)


class Case:
    """What is looked into: the store at one moment, and who is there to act on it."""

    def __init__(self, store: Store, now: int) -> None:
        self.store = store
        self.now = now
        self.told: dict[int, list[Fact]] = {}
        """What is known already of those that are not completed, by number."""

    @cached_property
    def presence(self) -> Presence:
        return presence_of(self.store, self.now)

    @cached_property
    def running(self) -> list[SystemJob]:
        """All that are locked, oldest first."""
        from jobctl.rows import system_job_from

        return [system_job_from(row) for row in self.store.database.run("locked_system_jobs")]

    def ago(self, at: int) -> str:
        """An instant in local time and how far away it is."""
        return say("{at} ({far})", at=when(at), far=relative(at, self.now))

    def since(self, at: int) -> str:
        return say("since {at} ({span})", at=when(at), span=length(self.now - at))

    def last_event(self, row: SystemJob, *kinds: str) -> Event | None:
        """The newest event of one of these kinds."""
        found = [event for event in self.store.events(sequence=row.sequence) if event.kind in kinds]
        return found[-1] if found else None

    def plan_of(self, row: SystemJob) -> Plan | None:
        """The schedule in force, if that made it."""
        plan = self.store.plan(row.job_id)
        return plan if plan is not None and plan.number == row.plan else None

    def job_exists(self, row: SystemJob) -> bool:
        found = self.store.find_job(row.job)
        return row.job == ADHOC or (found is not None and found.id == row.job_id)

    def doing(self, row: SystemJob) -> str:
        """Where another one stands, in a few words."""
        if row.state is State.LOCKED:
            if row.started_on is None:
                return say("handed over, not yet begun")
            if not self.presence.running:
                return say("begun {at}, and not known to have ended", at=when(row.started_on))
            verb = {Status.PAUSING: "being paused", Status.CANCELING: "being canceled"}.get(row.status, "running")
            return say("{doing}, begun {at}", doing=say(verb), at=when(row.started_on))
        if row.state is State.READY:
            return say("ready since {at}", at=when(row.ready_on or row.due_at))
        if row.state is State.COMPLETED:
            return say("{status} {at}", status=say(row.status.label), at=when(row.completed_on or row.due_at))
        word = coded(str(row.reason))
        return word if row.postpone_until is None else say("{word} until {at}", word=word, at=when(row.due_at))


def when(at: int) -> str:
    """An instant in this machine's time."""
    return local(at, offset=False)


def period(since: int, until: int) -> str:
    """`from … to …`, the second date only if it is another one."""
    first, last = when(since), when(until)
    return say("from {first} to {last}", first=first, last=last[11:] if last[:10] == first[:10] else last)


def length(microseconds: int) -> str:
    return span(max(microseconds, 0) // MICROSECONDS)


def named(row: SystemJob) -> str:
    """`42 backup`."""
    return f"{row.sequence} {shorten(row.name, LONGEST_NAME)}"


def whose(whom: SystemJob | str, text: str) -> Said:
    """A sentence about that one."""
    return say("{whom}: {text}", whom=named(whom) if isinstance(whom, SystemJob) else whom, text=text)


def listed(rows: Sequence[SystemJob], most: int = 3) -> str:
    """`40 backup, 41 report and 2 more`."""
    names = [named(row) for row in rows[:most]]
    if len(rows) > most:
        names.append(say("{number} more", number=len(rows) - most))
    return joined(names)


def coded(code: str) -> Said:
    """A code in words: `waiting for event`."""
    return say(code.replace("_", " "))


def quoted(text: str) -> str:
    """A word of a command line."""
    import shlex

    return shlex.quote(text)


def message_of(row: SystemJob) -> str | None:
    """Its message, as a sentence of jobctl's own unless its code may have said it."""
    text = row.message
    own = row.reason not in (None, Reason.EXCEPTION) or (text or "").startswith((NOT_STARTED, "stuck:"))
    return Recorded(text) if text and own else text


def recorded(detail: Mapping[str, Any]) -> str | None:
    """The message that an event tells of."""
    text = detail.get("message")
    return None if text is None else Recorded(text)


def said(message: str | None) -> str:
    """A message in parentheses, or nothing; one that was recorded by jobctl itself is `Recorded`."""
    return say(" ({message})", message=message) if message else ""


def resume(row: SystemJob) -> str | None:
    """The command that lets it go on now; jobctl's own maintenance has none."""
    canceling = row.reason is Reason.CANCELING
    return None if row.platform or canceling else f"jobctl resume {row.sequence}"


def operation(verb: str, row: SystemJob) -> str | None:
    """`jobctl pause 42`, unless that is never legal for it."""
    return None if row.platform else f"jobctl {verb} {row.sequence}"
