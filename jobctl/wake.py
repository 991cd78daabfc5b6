"""The datagram that tells the daemon to look: never required, never waited for."""

from __future__ import annotations

import os

# The bare type: every command rings, and the module around it costs start-up time.
from _socket import AF_UNIX, SOCK_DGRAM
from _socket import socket as Socket
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

NAME = "wake.sock"


class Bell:
    """One byte to the daemon of a home, if there is one to hear it; keeps open what ringing needs."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._place = -1
        self._address = ""
        self._sender: Socket | None = None

    def ring(self) -> None:
        try:
            if self._sender is None:
                self._place = os.open(self.directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
                # Through the directory's descriptor: a socket's path is limited to 108 bytes, a home is not.
                self._address = f"/proc/self/fd/{self._place}/{NAME}"
                self._sender = Socket(AF_UNIX, SOCK_DGRAM)
                self._sender.setblocking(False)
            self._sender.sendto(b"w", self._address)
        except OSError:
            pass

    def close(self) -> None:
        if self._sender is not None:
            self._sender.close()
            self._sender = None
        if self._place >= 0:
            os.close(self._place)
            self._place = -1


def listen(directory: Path) -> socket.socket:
    """The daemon's end; call it only under the daemon's lock."""
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
