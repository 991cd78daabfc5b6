"""What a run says about itself, passed on at most once a second and never lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jobctl.runner.loop import Timer

if TYPE_CHECKING:
    from jobctl.runner.run import Run

INTERVAL: Final = 1.0
MAX_TEXT: Final = 1000


class Reports:
    def __init__(self, run: Run) -> None:
        self.run = run
        self.progress: float | None = None
        self.stage: str | None = None
        self.message: str | None = None
        self.news = False
        self.timer: Timer | None = None

    def take(self, progress: object, stage: object, message: object) -> None:
        """Note what is given and makes sense; None leaves a value as it is."""
        if isinstance(progress, (int, float)) and abs(progress) < 1e9:
            self.progress = min(max(float(progress), 0.0), 100.0)
        if isinstance(stage, str):
            self.stage = clean(stage)
        if isinstance(message, str):
            self.message = clean(message)
        self.news = True
        if self.timer is None:
            self._pass_on()

    def close(self) -> None:
        """Pass on the last value now: the end comes next."""
        if self.timer is not None:
            self.timer.cancel()
        if self.news:
            self._send()

    def _pass_on(self) -> None:
        self.timer = None
        if not self.news:
            return
        if not self.run.host.is_crowded():
            self._send()
        self.timer = self.run.loop.call_later(INTERVAL, self._pass_on)

    def _send(self) -> None:
        self.news = False
        values = {"progress": self.progress, "stage": self.stage, "message": self.message}
        self.run.host.send({"k": "report", **self.run.names, **values})


def clean(text: str) -> str:
    """Text that can be stored: no lone surrogates, not endless."""
    return text[:MAX_TEXT].encode("utf-8", "replace").decode()
