"""Who the runner talks to: the daemon of the highest generation, and clients inside its run."""

from __future__ import annotations

import os
import select
import socket
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

from jobctl.runner.loop import Loop
from jobctl.runner.protocol import FrameReader, Message, ProtocolError, frames, text

READ_BUFFER: Final = memoryview(bytearray(256 * 1024))
"""One for all: a fresh one for every read would cost more than the read."""
ACCEPT_AGAIN_AFTER: Final = 1.0
CROWDED: Final = 64 * 1024
"""Unsent bytes above which a peer is too slow for what may be left out."""


class Ears(Protocol):
    """Who hears what peers say."""

    def greeted(self, daemon: Peer) -> None: ...

    def told(self, message: Message) -> None: ...

    def reported(self, message: Message) -> bool: ...

    def left_alone(self) -> None: ...


class Peer:
    """One connection. What is sent leaves at the end of the loop's turn, and later when the peer is slow."""

    def __init__(
        self,
        loop: Loop,
        connection: socket.socket,
        heard: Callable[[Peer, Any], None],
        reader: FrameReader | None = None,
    ) -> None:
        self.loop = loop
        self.connection = connection
        self.heard = heard
        self.lost: Callable[[Peer], None] = lambda peer: None
        self.sift: Callable[[deque[Any]], None] = lambda inbox: None
        """Takes what it understands from the front of the inbox; each of the others is `heard` by itself."""
        self.reader = FrameReader() if reader is None else reader
        self.inbox: deque[Any] = deque()
        """Messages that wait their turn: what one of them leads to may read further ones."""
        self.texts: list[bytes] = []
        """JSON texts of messages that leave together."""
        self.unsent = bytearray()
        self.blocked = False
        self.open = True
        connection.setblocking(False)
        loop.watch(connection.fileno(), self.read)

    @property
    def crowded(self) -> bool:
        return len(self.unsent) > CROWDED

    def send(self, message: Message) -> None:
        self.texts.append(text(message))

    def flush(self) -> None:
        if self.texts:
            self.unsent += frames(self.texts)
            self.texts.clear()
        if not self.open or not self.unsent:
            return
        try:
            del self.unsent[: self.connection.send(self.unsent)]
        except BlockingIOError:
            pass
        except OSError:
            self.close()
            return
        if bool(self.unsent) != self.blocked:
            self.blocked = bool(self.unsent)
            events = select.EPOLLIN | (select.EPOLLOUT if self.blocked else 0)
            self.loop.watch(self.connection.fileno(), self._write_and_read if self.blocked else self.read, events)

    def close(self) -> None:
        if self.open:
            self.open = False
            self.loop.unwatch(self.connection.fileno())
            self.connection.close()
            self.lost(self)

    def _write_and_read(self) -> None:
        self.flush()
        if self.open:
            self.read()

    def read(self) -> bool:
        """Take in what has come; whether there may be more. The loop calls it whenever there is something."""
        try:
            size = self.connection.recv_into(READ_BUFFER)
            self.inbox += self.reader.feed(READ_BUFFER[:size])
        except BlockingIOError:
            return False
        except ProtocolError as error:
            size = 0
            self.inbox += error.messages
        except OSError:
            self.close()
            return False
        while self.inbox and self.open:
            self.sift(self.inbox)
            if self.inbox:
                self.heard(self, self.inbox.popleft())
        if not size:
            self.close()
        return self.open


class Peers:
    """Listens on a socket and keeps the generation rule: the highest one commands."""

    def __init__(self, loop: Loop, ears: Ears, listener: socket.socket, first: socket.socket) -> None:
        self.loop = loop
        self.ears = ears
        self.listener = listener
        self.generation = -1
        self.guests: set[Peer] = set()
        listener.setblocking(False)
        self._listen()
        # The daemon that started this runner counts before it says a word.
        self.daemon: Peer | None = Peer(loop, first, self._heard)
        self.daemon.lost = self._lost

    def send(self, encoded: bytes) -> None:
        """Tell the daemon, if there is one, a message whose JSON text is given."""
        if self.daemon is not None:
            self.daemon.texts.append(encoded)

    def flush(self) -> None:
        if self.daemon is not None:
            self.daemon.flush()

    def _listen(self) -> None:
        self.loop.watch(self.listener.fileno(), self._accept)

    def _accept(self) -> None:
        try:
            connection, _ = self.listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError:
            # Out of descriptors: the socket stays readable, so looking at it again at once would spin.
            self.loop.unwatch(self.listener.fileno())
            self.loop.call_later(ACCEPT_AGAIN_AFTER, self._listen)
            return
        guest = Peer(self.loop, connection, self._heard)
        guest.lost = self._lost
        self.guests.add(guest)

    def _heard(self, peer: Peer, message: Message) -> None:
        kind = message.get("k")
        if kind == "hello":
            self._greet(peer, message)
        elif peer is self.daemon:
            self.ears.told(message)
        elif kind == "report":
            peer.send({"k": "ok" if self.ears.reported(message) else "refused"})
            peer.flush()
        else:
            peer.close()

    def _greet(self, peer: Peer, message: Message) -> None:
        generation = message.get("generation")
        if not isinstance(generation, int) or generation < self.generation:
            peer.close()
            return
        self.generation = generation
        self.guests.discard(peer)
        replaced, self.daemon = self.daemon, peer
        if replaced is not None and replaced is not peer:
            replaced.close()
        self.ears.greeted(peer)

    def _lost(self, peer: Peer) -> None:
        self.guests.discard(peer)
        if peer is self.daemon:
            self.daemon = None
            self.ears.left_alone()


def listen(directory: str, name: str) -> socket.socket:
    """A socket bound to `directory`/`name`, mode 0600, however long that path is."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    mask = os.umask(0o177)
    try:
        listener.bind(f"/proc/self/fd/{descriptor}/{name}")
    finally:
        os.umask(mask)
        os.close(descriptor)
    listener.listen(64)
    return listener
