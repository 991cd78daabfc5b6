"""What a run says about itself, passed on at most once a second and never lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from jobctl.runner.loop import Loop, Timer
from jobctl.runner.protocol import Message

INTERVAL: Final = 1.0
MAX_TEXT: Final = 1000


class Listener(Protocol):
    """Who is told."""

    loop: Loop

    def send(self, message: Message) -> None: ...

    def is_crowded(self) -> bool: ...


class Reports:
    def __init__(self, host: Listener, names: Callable[[], Message]) -> None:
        """For the run whose `names` are asked for whenever something is told."""
        self.host = host
        self.names = names
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
        if not self.host.is_crowded():
            self._send()
        self.timer = self.host.loop.call_later(INTERVAL, self._pass_on)

    def _send(self) -> None:
        self.news = False
        values = {"progress": self.progress, "stage": self.stage, "message": self.message}
        self.host.send({"k": "report", **self.names(), **values})


def clean(text: str) -> str:
    """Text that can be stored: no lone surrogates, not endless."""
    return text[:MAX_TEXT].encode("utf-8", "replace").decode()
