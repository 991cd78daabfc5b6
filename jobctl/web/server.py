"""Listening and stopping."""

from __future__ import annotations

import logging
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

import uvicorn

from jobctl.errors import CannotOpen, NotPermitted
from jobctl.web.app import Application
from jobctl.web.connections import protocol
from jobctl.web.settings import Settings

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
PATIENCE: Final = 0.7
"""Seconds that answers under way have to end when the service is told to stop."""
BACKLOG: Final = 2048


class Server(uvicorn.Server):
    """Says when it listens; ends by TERM, INT or HUP with its streams, and then returns."""

    def __init__(self, config: uvicorn.Config, app: Application, started: Callable[[], None]) -> None:
        super().__init__(config)
        self.app = app
        self._say_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._say_started()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True
        # It tells of each request that it cancels; what fails is logged by the gate.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        self.app.end_streams()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, but a signal that was heeded is not raised again: the exit code is the command's."""
        before = {number: signal.signal(number, self.handle_exit) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def listen(settings: Settings) -> socket.socket:
    """Raises CannotOpen or NotPermitted in one sentence."""
    where = f"{settings.host} port {settings.port}"
    try:
        found = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
        )
        family, kind, number, _, address = found[0]
        # With its protocol: asyncio sends small answers at once only on sockets that say they are TCP.
        listener = socket.socket(family, kind, number)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except PermissionError:
        raise NotPermitted(f"not permitted to listen on {where}") from None
    except OSError as error:
        raise CannotOpen(f"cannot listen on {where}: {error.strerror or error}") from None
    return listener


def address(listener: socket.socket, settings: Settings) -> str:
    """The address at which a person reaches the service."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    scheme = "http" if settings.certificate is None else "https"
    return f"{scheme}://{host}:{listener.getsockname()[1]}"


def serve(app: Application, listener: socket.socket, settings: Settings, started: Callable[[], None]) -> None:
    """Answer until a signal comes; `started` is called once requests are taken."""
    raise_descriptors(settings.max_connections + 200)
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    config = uvicorn.Config(
        app,
        http=protocol(settings),
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=settings.keep_alive,
        timeout_graceful_shutdown=PATIENCE,  # type: ignore[arg-type]
        h11_max_incomplete_event_size=settings.max_head,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.private_key,
    )
    try:
        config.load()
    except OSError as error:  # also ssl.SSLError
        raise CannotOpen(f"cannot use the certificate {settings.certificate}: {error.strerror or error}") from None
    Server(config, app, started).run([listener])


def raise_descriptors(wanted: int) -> None:
    """A connection takes a descriptor, and the usual limit is 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    possible = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < possible:
        resource.setrlimit(resource.RLIMIT_NOFILE, (possible, hard))
