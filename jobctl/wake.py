"""The datagram that tells the daemon to look: never required, never waited for."""

from __future__ import annotations

import os
import socket
from pathlib import Path

NAME = "wake.sock"


def wake(directory: Path) -> None:
    """One byte to the daemon, if there is one to hear it."""
    try:
        descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
            # Through the directory's descriptor: a socket's path is limited to 108 bytes, a home is not.
            sender.sendto(b"w", f"/proc/self/fd/{descriptor}/{NAME}")
    except OSError:
        pass
    finally:
        os.close(descriptor)


def listen(directory: Path) -> socket.socket:
    """The daemon's end; call it only under the daemon's lock."""
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
