"""What wakes the daemon beside its runners: submitters, signals, the next instant, and the loss of its home."""

from __future__ import annotations

import logging
import selectors

from jobctl import wake, watch
from jobctl.clock import Alarm, Clock, SystemClock
from jobctl.config import Config
from jobctl.signals import Signals

log = logging.getLogger("jobctl")


class Ears:
    """Of one daemon, on the selector of its runners; make them only under the daemon's lock."""

    def __init__(self, selector: selectors.BaseSelector, config: Config, clock: Clock, signals: Signals) -> None:
        self.signals = signals
        self.directory = config.run_directory
        self.submitters = wake.Ear(self.directory)
        selector.register(self.submitters, selectors.EVENT_READ, "wake")
        selector.register(signals, selectors.EVENT_READ, "signal")
        self.alarm = Alarm() if isinstance(clock, SystemClock) else None
        """None: the clock is moved by a file, which rings no alarm."""
        if self.alarm is not None:
            selector.register(self.alarm, selectors.EVENT_READ, "alarm")
        try:
            self.watcher = watch.watch(config.home)
            selector.register(self.watcher, selectors.EVENT_READ, "home")
        except OSError:
            log.warning("cannot watch %s for deletion: no inotify", config.home)

    def hear(self, key: selectors.SelectorKey) -> None:
        """Take in what the selector found."""
        if key.data == "wake":
            self.submitters.hear()
        elif key.data == "alarm" and self.alarm is not None:
            self.alarm.clear()
        elif key.data == "home":
            watch.drain(self.watcher)
        elif key.data == "signal":
            self.signals.hear()

    def close(self) -> None:
        """Nobody is listened to any more; only for the daemon that still holds the home."""
        wake.unlisten(self.directory)
