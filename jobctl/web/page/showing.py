"""Values as the page shows them: instants on the home's clock, statuses in words, how far away something is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from markupsafe import Markup

from jobctl.clock import FOREVER, MICROSECONDS, to_datetime
from jobctl.model import State, Status, SystemJob
from jobctl.output.columns import elapsed
from jobctl.output.text import duration, escape, span
from jobctl.web.page.words import Words
from jobctl.why.facts import message_of

INSTANTS: Final = ("until", "started_on")
"""What events tell in microseconds."""


@dataclass(frozen=True, slots=True)
class Shower:
    """`now` is the moment of the page, in microseconds UTC."""

    words: Words
    zone: tzinfo
    zone_name: str
    now: int

    def local(self, instant: int) -> datetime:
        return to_datetime(instant).astimezone(self.zone)

    @property
    def zone_note(self) -> str:
        offset = self.local(self.now).isoformat()[-6:]
        return self.words("zone", zone=self.zone_name, offset=offset)

    def text(self, instant: int) -> str:
        """In full: `2026-11-21 09:00:00 +01:00`."""
        text = self.local(instant).isoformat(sep=" ", timespec="seconds")
        return f"{text[:19]} {text[19:]}"

    def brief(self, instant: int) -> str:
        """`09:00:05` of today, `2026-11-20 09:00` of another day."""
        moment = self.local(instant)
        return f"{moment:%H:%M:%S}" if moment.date() == self.local(self.now).date() else f"{moment:%Y-%m-%d %H:%M}"

    def distance(self, instant: int) -> str:
        """How far away it is: `2m ago`; nothing for what nobody can foresee."""
        if instant == FOREVER:
            return ""
        seconds = abs(instant - self.now) // MICROSECONDS
        if not seconds:
            return self.words("time.now")
        return self.words("time.in" if instant > self.now else "time.ago", span=span(seconds))

    def moment(self, instant: int | None, *, full: bool = False) -> Markup:
        """As an element that machines can read, too; nothing for none, words for the last one that there is."""
        if instant is None:
            return Markup("")
        if instant == FOREVER:
            return Markup("{}").format(self.words("time.forever"))
        shown = self.text(instant) if full else self.brief(instant)
        machine = self.local(instant).isoformat(timespec="seconds")
        title = self.distance(instant) if full else f"{self.text(instant)}, {self.distance(instant)}"
        return Markup('<time datetime="{}" title="{}">{}</time>').format(machine, title, shown)

    def field(self, instant: int) -> str:
        """As the value of a field of the type `datetime-local`."""
        return f"{self.local(instant):%Y-%m-%dT%H:%M}"

    def status(self, row: SystemJob) -> str:
        """Status, reason and exit code in words, as the monitor has them."""
        t = self.words
        if row.status is Status.WAITING_FOR_RESOURCES and row.blocked_by is not None:
            return t("status.behind", number=row.blocked_by)
        if row.status is Status.IN_PROGRESS and row.started_on is None:
            return t("status.handed_over")
        words = t(f"status.{row.status.label}")
        if row.status is Status.FAILED and row.exit_code:
            return f"{words} ({t('status.exit', code=row.exit_code)})"
        return words if row.reason is None else f"{words} ({t(f'reason.{row.reason.value}')})"

    def kind(self, row: SystemJob) -> str:
        """The class that gives it its colour."""
        return row.status.label.replace("_", "-")

    def took(self, row: SystemJob) -> Markup:
        """How long it ran; of one that runs, with what a script needs to count on."""
        seconds = elapsed(row, self.now)
        if seconds is None:
            return Markup("")
        if row.state is State.LOCKED and row.status is Status.IN_PROGRESS:
            whole = int(seconds)
            return Markup('<span data-running="{}">{}</span>').format(whole, span(whole))
        return Markup("{}").format(duration(seconds))

    def when(self, row: SystemJob) -> int:
        """The instant that matters of it now: its end, its begin, or when it is due, begun before or not."""
        if row.state is State.SUSPENDED and row.due_at > self.now:
            return row.due_at
        return row.completed_on or row.started_on or row.due_at

    def told(self, text: str) -> str:
        """A sentence of jobctl's own in the language of the page; one that there is not in it stays English."""
        return self.words.told(text) or text

    def said(self, text: str) -> Markup:
        """The same as an element that says so where it stays English."""
        return self._said(text, self.words.told(text))

    def schedule(self, text: str) -> Markup:
        """A schedule in words."""
        return self._said(text, self.words.schedule(text))

    def message(self, row: SystemJob) -> Markup:
        """What it says of itself; what its own code said stays as it is."""
        text = row.message or ""
        return self._said(text, self.words.recorded(text) if message_of(row) is not row.message else None)

    def detail(self, name: str, value: object) -> object:
        """What an event tells by that name."""
        if isinstance(value, str):
            return {"message": self.words.recorded, "was": self.reason}.get(name, str)(value) or value
        if name in INSTANTS and isinstance(value, int):
            return self.moment(value)
        return self.length(value) if name == "after_seconds" and isinstance(value, int | float) else value

    def reason(self, code: str) -> str:
        return self.words(f"reason.{code}")

    def _said(self, text: str, found: str | None) -> Markup:
        form = Markup('<span lang="en">{}</span>') if found is None else Markup("<span>{}</span>")
        return form.format(escape(text if found is None else found)) if text else Markup("")

    def length(self, seconds: float | None) -> str:
        return duration(seconds)
