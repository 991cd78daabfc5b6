"""What uvicorn leaves open at the level of connections: slow heads and readers, too many of them, lenient line ends."""

from __future__ import annotations

import asyncio
import fcntl
import json
import re
import socket
import struct
import termios
from typing import Any, Final

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from jobctl.web.settings import Settings

LENIENT: Final = re.compile(rb"(?<!\r)\n|\n[ \t]|\r(?!\n)")
"""In a head: a bare LF, a folded line or a bare CR. Others read these differently (RFC 9112, 2.2 and 5.2)."""
LENGTH: Final = re.compile(rb"(?im)^content-length[ \t]*:[ \t]*([^\r\n]*?)[ \t]*\r?$")
"""The library makes one of several that are alike, as it may; who stands before it may have taken another."""
END: Final = b"\r\n\r\n"


class Connection(H11Protocol):
    """One client's connection. The class attributes are set by `protocol`."""

    head_timeout: float = 10.0
    max_connections: int = 1000
    max_head: int = 16384
    write_timeout: float = 30.0
    least_written: int = 16384

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._head = b""
        self._timer: asyncio.TimerHandle | None = None
        self._written: asyncio.TimerHandle | None = None
        self._unsent = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.max_connections:
            transport.abort()
            return
        # To be told of all that is not taken at once; with 0 there is always too much for asyncio's TLS (Python 3.11).
        transport.set_write_buffer_limits(high=1, low=0)
        # What the kernel has taken over from us, also after the end of a connection, waits no longer for the peer.
        waits = int(self.write_timeout * 1000)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, waits)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_timer()
        self._stop_looking()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.conn.their_state is h11.IDLE:
            self._head += data
            head, end, _ = self._head.partition(END)
            # A CR at the end of what has come so far may be half of a line's end.
            if len(head) > self.max_head or doubtful(head + b"\r\n" if end else head.removesuffix(b"\r")):
                self._cancel_timer()
                self.send_400_response("Invalid HTTP request received.")
                return
            if end:
                self._head = b""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self._expect_head()
        else:
            self._cancel_timer()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._written is None:
            self._look_later()

    def resume_writing(self) -> None:
        self._stop_looking()
        super().resume_writing()

    def _look_later(self) -> None:
        self._unsent = unsent(self.transport)
        self._written = self.loop.call_later(self.write_timeout, self._look)

    def _look(self) -> None:
        """Break off, when the client took too little of the answer; closing would wait for it to take the rest."""
        if unsent(self.transport) > max(self._unsent - self.least_written, 0):
            self.transport.abort()
        else:
            self._look_later()

    def _stop_looking(self) -> None:
        if self._written is not None:
            self._written.cancel()
            self._written = None

    def send_400_response(self, msg: str) -> None:
        """As uvicorn's, in jobctl's form. What it says is the same for every fault: the peer is no client of ours."""
        body = json.dumps({"error": {"code": "BadRequest", "message": "this is not a well-formed HTTP/1.1 request"}})
        headers = [("content-type", "application/json"), ("connection", "close"), ("content-length", str(len(body)))]
        for event in (h11.Response(status_code=400, headers=headers), h11.Data(data=body.encode()), h11.EndOfMessage()):
            try:
                self.transport.write(self.conn.send(event) or b"")
            except h11.LocalProtocolError:  # an answer was under way already
                break
        self.transport.close()

    def _expect_head(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self.head_timeout, self._too_late)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()


def doubtful(head: bytes) -> bool:
    """Whether others may read it otherwise, as far as it has come."""
    lengths = LENGTH.findall(head[: head.rfind(b"\r\n")])  # in whole lines only
    return bool(LENIENT.search(head)) or len(lengths) > 1 or not all(map(bytes.isdigit, lengths))


def unsent(transport: asyncio.Transport) -> int:
    """Bytes that the peer has not acknowledged, here and in the kernel (tcp(7), SIOCOUTQ)."""
    try:
        queued = fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
    except (OSError, ValueError):  # it is over
        return 0
    return transport.get_write_buffer_size() + int(struct.unpack("i", queued)[0])


def protocol(settings: Settings) -> type[Connection]:
    """The class of connections with these bounds."""
    names = ("head_timeout", "max_connections", "max_head", "write_timeout", "least_written")
    bounds = {name: getattr(settings, name) for name in names}
    return type("Bounded", (Connection,), bounds)
