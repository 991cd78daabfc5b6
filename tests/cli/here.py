"""Runs command lines in this process: hundreds in the time that a few processes would take to start."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from unittest import mock

from jobctl import cli
from tests.conftest import Completed


def run_here(*args: str, env: Mapping[str, str] | None = None, input: bytes = b"") -> Completed:
    """What the command printed and how it exited; its home is this process's."""
    out, err, given = (
        io.TextIOWrapper(io.BytesIO(content), "utf-8", "backslashreplace") for content in (b"", b"", input)
    )
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(err))
        stack.enter_context(mock.patch.object(sys, "stdin", given))
        stack.enter_context(as_it_was())
        stack.enter_context(mock.patch.dict(os.environ, env or {}))
        code = cli.run(args)
        out.flush()
        err.flush()
    texts = [stream.buffer.getvalue().decode("utf-8", "backslashreplace") for stream in (out, err)]
    return Completed(list(args), code, *texts)


@contextmanager
def as_it_was() -> Iterator[None]:
    """Whatever a command does to its process is undone."""
    path, directory = list(sys.path), os.getcwd()
    try:
        yield
    finally:
        sys.path[:] = path
        os.chdir(directory)
