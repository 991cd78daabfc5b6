"""Requests written byte by byte, for what no client library would send."""

from __future__ import annotations

import re
import socket


def exchange(port: int, *parts: bytes, timeout: float = 20.0) -> bytes:
    """What the server answers to the parts, until it closes the connection or says no more for `timeout` seconds."""
    with connect(port, timeout) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except OSError:
            pass
        return drain(connection)


def connect(port: int, timeout: float = 20.0) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def drain(connection: socket.socket) -> bytes:
    """All that comes until the end of the connection."""
    received = b""
    try:
        while part := connection.recv(65536):
            received += part
    except (TimeoutError, ConnectionResetError):
        pass
    return received


def statuses(answer: bytes) -> list[int]:
    """Of each answer in what was received."""
    return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


def post(
    port: int, token: str, *headers: str, body: bytes = b"", target: str = "/async-process/?process=noop"
) -> bytes:
    """A request to submit `noop`, with these header lines beside those it needs."""
    lines = [
        f"POST {target} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"X-TOKEN: {token}",
        "Content-Type: application/json",
    ]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body
