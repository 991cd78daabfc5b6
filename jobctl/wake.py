"""The datagram that tells the daemon to look: never required, never waited for."""

from __future__ import annotations

import os

# The bare type: every command rings, and the module around it costs start-up time.
from _socket import AF_UNIX, SOCK_DGRAM
from _socket import socket as Socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

NAME = "wake.sock"
NOW, SOON, GUEST = b"w", b"s", b"g"
"""Something was committed: the one whose id follows, if that was announced; something is about to be; the one that
follows is about to be, claimed by who submits it."""
MOST_SAID = 8192
"""Bytes of a word at most."""
QUIET = 0.02
"""Seconds after which a daemon that was rung may be asleep again."""
LONGEST = 107
"""Bytes of a socket's path at most (unix(7))."""


class Bell:
    """One byte to the daemon of a home, if there is one to hear it; keeps open what ringing needs."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._place = -1
        self._address = ""
        self._sender: Socket | None = None
        self._rung = -QUIET
        self._promised = b""
        self.heard = False
        """Whether a daemon was there to hear the last word."""

    def announce(self, now: float) -> None:
        """Say that something is about to be committed, so that the daemon is wide awake by then.

        Not when it was rung less than QUIET before the monotonic second `now`: it is awake.
        """
        if now - self._rung > QUIET:
            self._send(SOON)

    def promise(self, identity: bytes, guest: bytes) -> None:
        """Say what is about to be committed by who claims it, if that is said in a word."""
        if len(guest) < MOST_SAID:
            self._promised = identity
            self._send(GUEST + guest)

    def break_promise(self) -> None:
        """It was not committed."""
        self._promised = b""

    def ring(self, now: float) -> None:
        """Say that something was committed."""
        self._rung = now
        promised, self._promised = self._promised, b""
        self._send(NOW + promised)

    def _send(self, word: bytes) -> None:
        try:
            sender = self._sender or self._opened()
            # Connected each time, to who listens now; where nobody does, a number is had for less than an error.
            self.heard = not sender.connect_ex(self._address)
            if self.heard:
                sender.send(word)
        except OSError:
            pass

    def _opened(self) -> Socket:
        address = os.path.join(self.directory, NAME)
        if len(os.fsencode(address)) > LONGEST:  # through its directory's descriptor: a home's path may be longer
            self._place = os.open(self.directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            address = f"/proc/self/fd/{self._place}/{NAME}"
        self._address = address
        self._sender = Socket(AF_UNIX, SOCK_DGRAM)
        self._sender.setblocking(False)
        return self._sender

    def close(self) -> None:
        if self._sender is not None:
            self._sender.close()
            self._sender = None
        if self._place >= 0:
            os.close(self._place)
            self._place = -1


class Ear:
    """The daemon's end; make it only under the daemon's lock."""

    def __init__(self, directory: Path) -> None:
        self.socket = listen(directory)
        self._heard: list[bytes] = []

    def fileno(self) -> int:
        return self.socket.fileno()

    def hear(self) -> None:
        """Take in what has come."""
        with suppress(BlockingIOError):
            while word := self.socket.recv(MOST_SAID):
                self._heard.append(word)

    def take(self) -> list[bytes]:
        """What was heard since the last time: each begins with NOW, SOON or GUEST."""
        heard, self._heard = self._heard, []
        return heard


def listen(directory: Path) -> socket.socket:
    """Its socket."""
    import socket

    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        (directory / NAME).unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        listener.bind(f"/proc/self/fd/{descriptor}/{NAME}")
        os.chmod(directory / NAME, 0o600)
    finally:
        os.close(descriptor)
    return listener


def unlisten(directory: Path) -> None:
    """Remove the socket; only for the daemon that still holds the home."""
    (directory / NAME).unlink(missing_ok=True)
