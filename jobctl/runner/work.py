"""Runs as they were handed over, and what those of one definition share."""

from __future__ import annotations

import struct
from json.encoder import encode_basestring_ascii
from typing import Final

from jobctl.runner.protocol import Message, Row, Shared, text

MAX_INLINE_DATA: Final = 64 * 1024
"""Bytes of data that travel in a variable; larger ones in a file."""
BRIEF: Final = struct.Struct("<BQQQQQ16s")
"""What differs from run to run in a request to a worker: SHORT, key, ordinal, sequence, attempt, depth, id."""
SHORT: Final = 1
"""The first byte of such a request; one in full is a JSON array."""


class Definition:
    """What runs share, checked and prepared once."""

    __slots__ = (
        "argv",
        "callable",
        "cwd",
        "environment",
        "grace",
        "interpreter",
        "isolate",
        "job",
        "path",
        "python",
        "request",
        "shares_worker",
        "success_codes",
        "timeout",
        "umask",
    )

    def __init__(self, shared: Shared, own: dict[str, str]) -> None:
        """With the variables `own` of the runner. Raises LookupError or TypeError when something is missing."""
        self.job = shared["job"]
        self.callable = shared["callable"] or "" if shared["kind"] == "callable" else None
        """None for a command."""
        self.argv = shared["argv"] or []
        self.python = shared["python"] or ""
        self.path = list(shared["path"])
        self.isolate = shared["isolate"]
        self.cwd = shared["cwd"]
        self.umask = shared["umask"]
        self.environment = {**shared["environment"], **own}
        self.timeout = shared["timeout"]
        self.grace = shared["grace"]
        self.success_codes = shared["success_codes"]
        self.interpreter = (self.python, self.path, self.cwd, self.environment)
        """What must be equal for two runs to share a worker."""
        self.shares_worker = self.callable is not None and not self.isolate
        """Whether its runs take each other's worker, of which the first has to wait for imports."""
        self.request = text([self.callable, self.cwd, self.umask, self.job])[1:-1]
        """Its part of a request to a worker."""


class Work:
    """One run as it was handed over."""

    __slots__ = ("attempt", "claim", "data", "definition", "depth", "fed_on", "id", "ordinal", "sequence")

    def __init__(self, definition: Definition, row: Row) -> None:
        self.definition = definition
        _, self.sequence, self.id, self.claim, self.attempt, self.depth, self.data = row
        self.ordinal = 0
        """Its number among all requests to this runner's workers, once it is one."""
        self.fed_on = 0
        """When it was given to the worker, in microseconds."""

    @property
    def names(self) -> Message:
        """The keys by which every message about it is known."""
        return {"sequence": self.sequence, "claim": self.claim}

    @property
    def has_large_data(self) -> bool:
        """Whether its data needs a file."""
        data = self.data
        return (
            data is not None
            and len(data) * 4 > MAX_INLINE_DATA
            and len(data.encode("utf-8", "surrogatepass")) > MAX_INLINE_DATA
        )

    def variables(self) -> dict[str, str]:
        """Those of its environment that differ from run to run; not its data."""
        return {
            "JOBCTL_ID": self.id,
            "JOBCTL_SEQUENCE": str(self.sequence),
            "JOBCTL_JOB": self.definition.job,
            "JOBCTL_ATTEMPT": str(self.attempt),
            "JOBCTL_DEPTH": str(self.depth),
        }

    def request(self, key: int, data_file: str | None) -> bytes:
        """What a worker has to know of it; others of its definition may then follow in brief, by that key if not 0."""
        return b'[%d,%b,%d,"%b",%d,%d,%b,%b,%d]' % (
            self.ordinal,
            self.definition.request,
            self.sequence,
            self.id.encode("ascii"),
            self.attempt,
            self.depth,
            b"null" if data_file is not None or self.data is None else encode_basestring_ascii(self.data).encode(),
            b"null" if data_file is None else text(data_file),
            key,
        )

    def brief_request(self, key: int) -> bytes:
        """The same for a worker that knows what its definition's key stands for."""
        brief = BRIEF.pack(SHORT, key, self.ordinal, self.sequence, self.attempt, self.depth, bytes.fromhex(self.id))
        return brief if self.data is None else brief + self.data.encode("utf-8", "surrogatepass")


def ordinal_of(request: bytes) -> int:
    """The ordinal in the first bytes of a request."""
    if request[0] == SHORT:
        return int.from_bytes(request[9:17], "little")
    return int(request[1 : request.index(b",")])
