"""Text given on the command line as itself, as @FILE, or as - for stdin."""

from __future__ import annotations

import sys
from pathlib import Path

from jobctl.errors import BadInput
from jobctl.jsontext import MAX_JSON_BYTES


def read_text(text: str, option: str) -> str:
    """The text itself, or what the file or stdin holds, at most 1 MiB of UTF-8. Raises BadInput naming the option."""
    if text == "-":
        return _decoded(sys.stdin.buffer.read(MAX_JSON_BYTES + 1) if sys.stdin else b"", "stdin")
    if not text.startswith("@"):
        try:
            return _decoded(text.encode(errors="surrogateescape"), option)
        except UnicodeEncodeError:
            raise BadInput(f"{option} is not valid UTF-8") from None
    path = Path(text[1:])
    try:
        with path.open("rb") as file:
            return _decoded(file.read(MAX_JSON_BYTES + 1), str(path))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a file's name"
        raise BadInput(f"{option}: cannot read {str(path)!a}: {reason}") from None


def _decoded(data: bytes, source: str) -> str:
    if len(data) > MAX_JSON_BYTES:
        raise BadInput(f"{source} holds more than 1 MiB of data; store it in a file and pass its name")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise BadInput(f"{source} is not valid UTF-8 (byte {error.start})") from None
