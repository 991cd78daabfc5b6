"""One epoll, its timers and the signals of children: everything the runner waits for."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from types import FrameType
from typing import Final

from jobctl.clock import Clock, SystemClock

LONGEST_WAIT: Final = 3600.0
MOVED_CLOCK_WAIT: Final = 0.05
"""A clock moved by a test does not wake a selector; look at it this often."""

Handler = Callable[[], object]


class Timer:
    """One call in the future; `cancel` takes it back."""

    def __init__(self, at: float, handler: Handler, timers: set[Timer]) -> None:
        self.at = at
        self.handler = handler
        self.timers = timers
        timers.add(self)

    def cancel(self) -> None:
        self.timers.discard(self)


class Loop:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.epoll = select.epoll()
        self.handlers: dict[int, Handler] = {}
        self.timers: set[Timer] = set()
        self.longest_wait = LONGEST_WAIT if isinstance(clock, SystemClock) else MOVED_CLOCK_WAIT

    def watch(self, descriptor: int, handler: Handler, events: int = select.EPOLLIN) -> None:
        """Call `handler` whenever `descriptor` is ready; replaces what was asked before."""
        if descriptor in self.handlers:
            self.epoll.modify(descriptor, events)
        else:
            self.epoll.register(descriptor, events)
        self.handlers[descriptor] = handler

    def unwatch(self, descriptor: int) -> None:
        """Must come before the descriptor is closed."""
        del self.handlers[descriptor]
        self.epoll.unregister(descriptor)

    def call_later(self, seconds: float, handler: Handler) -> Timer:
        """Call `handler` once, that many seconds of the monotonic clock from now."""
        return Timer(self.clock.monotonic() + seconds, handler, self.timers)

    def turn(self, *, wait: bool) -> None:
        """Handle what is ready and due; first sleep until something is, if `wait`."""
        handlers = self.handlers
        # An earlier handler of this turn may unwatch a descriptor, and another one get its number.
        ready = [
            (descriptor, handlers[descriptor]) for descriptor, _ in self.epoll.poll(self._patience() if wait else 0)
        ]
        for descriptor, handler in ready:
            if handlers.get(descriptor) is handler:
                handler()
        if self.timers:
            self._fire_due()

    def _patience(self) -> float:
        if not self.timers:
            return self.longest_wait
        until = min(timer.at for timer in self.timers) - self.clock.monotonic()
        return min(max(until, 0.0), self.longest_wait)

    def _fire_due(self) -> None:
        now = self.clock.monotonic()
        for timer in sorted((timer for timer in self.timers if timer.at <= now), key=lambda timer: timer.at):
            if timer in self.timers:
                timer.cancel()
                timer.handler()


def do_nothing(number: int, frame: FrameType | None) -> None:
    """A handler rather than SIG_IGN, which a job would inherit through exec."""


def wake_on_children(loop: Loop, handler: Handler) -> None:
    """Call `handler` after any child ended; INT, TERM and HUP change nothing any more.

    Undoes what was inherited: a signal mask, and ignored signals that jobs would ignore too.
    """
    for number in signal.valid_signals():
        if signal.getsignal(number) is signal.SIG_IGN and number not in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
    reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, do_nothing)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())

    def wake() -> None:
        os.read(reader, 4096)
        handler()

    loop.watch(reader, wake)
