"""Lengths of time as people write them; apart from their grammar, which costs every table its start-up time."""

from __future__ import annotations


def format_duration(seconds: float) -> str:
    """A length of time as people write it: `350 ms`, `1.5s`, `1h 2m 3s`."""
    if seconds < 0:
        return "-" + format_duration(-seconds)
    if round(seconds * 1000) < 1000:
        return f"{round(seconds * 1000)} ms"
    if round(seconds, 1) < 60:
        return f"{round(seconds, 1):g}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "m"), (rest, "s"))
    return " ".join(f"{number}{unit}" for number, unit in parts if number)
