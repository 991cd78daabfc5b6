"""Data as text for people: escaped, in local time, with durations in words."""

from __future__ import annotations

import re
from typing import Final

from jobctl.clock import FOREVER, MICROSECONDS, to_datetime
from jobctl.saying import say

# C0, DEL, C1, line separators, bidirectional controls, lone surrogates and other invisible format characters.
UNSAFE: Final = (
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
SHORT: Final = {"\n": r"\n", "\t": r"\t", "\r": r"\r"}


def escape(text: str) -> str:
    """`text` on one line, with everything a terminal would obey or hide made visible."""
    if text.isascii() and text.isprintable():
        return text
    return re.sub(UNSAFE, _visible, text)


def _visible(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    if character in SHORT:
        return SHORT[character]
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not UTF-8, as the interpreter read it
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def local(instant: int, *, offset: bool = True) -> str:
    """An instant in this machine's time: `2026-11-21 09:00:00 +01:00`."""
    # astimezone() asks the C library, which spares the import of zoneinfo.
    text = to_datetime(instant).astimezone().isoformat(sep=" ", timespec="seconds")
    return f"{text[:19]} {text[19:]}" if offset else text[:19]


def until(instant: int, text: str) -> str:
    """`until TEXT`, which tells of the instant; for the last one that there is `until further notice`."""
    return say("until further notice") if instant == FOREVER else say("until {at}", at=text)


def relative(instant: int, now: int) -> str:
    """How far away an instant is: `in 3h 12m`, `2m ago`, `now`."""
    distance = abs(instant - now) // MICROSECONDS
    if distance == 0:
        return say("now")
    words = span(distance)
    return say("in {span}", span=words) if instant > now else say("{span} ago", span=words)


def span(seconds: int) -> str:
    """The two largest units of a duration: `3d 4h`, `3h 12m`, `45s`."""
    units = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
    parts: list[str] = []
    for index, (name, size) in enumerate(units):
        count, seconds = divmod(seconds, size)
        if count or parts:
            parts.append(f"{count}{name}" if count else "")
        if len(parts) == 2 or index == 3:
            break
    return " ".join(filter(None, parts)) or "0s"


def duration(seconds: float | None) -> str:
    """A duration in words, or nothing."""
    if seconds is None:
        return ""
    from jobctl.schedule.lengths import format_duration

    return format_duration(seconds)


def shorten(text: str, width: int) -> str:
    """`text` cut to `width` characters, the cut shown."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"
