"""Who is told of failures and the like: `exec:COMMAND`, or the http(s) address of a webhook."""

from __future__ import annotations

from typing import Final

from jobctl.errors import BadInput

EXEC: Final = "exec:"
LONGEST: Final = 2000


def check_target(text: str) -> str:
    """`text` itself, or BadInput saying what a target looks like."""
    if text.startswith(EXEC):
        if not text.removeprefix(EXEC).strip():
            raise BadInput("exec: lacks the command; write it as in exec:'mail -s \"$JOBCTL_TEXT\" ops'")
        return text
    if not text.startswith(("http://", "https://")):
        raise BadInput(f"{shown(text)!a} tells nobody: write exec:COMMAND, or an address with http:// or https://")
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not text.isascii() or not text.isprintable() or " " in text or len(text) > LONGEST:
        raise BadInput(f"{shown(text)!a} is no address of a webhook: a host and a path in ASCII, without spaces")
    return text


def shown(target: str) -> str:
    """As people see it: of an address only the host, as the rest may be a secret."""
    scheme, found, rest = target.partition("://")
    if not found or target.startswith(EXEC):
        return target
    cut = min((rest.find(mark) for mark in "/?#" if mark in rest), default=len(rest))
    hidden = "@" in rest[:cut] or len(rest) > cut + 1
    return f"{scheme}://{rest[:cut].rpartition('@')[2]}" + ("/…" if hidden else "")
