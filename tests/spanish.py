"""That what jobctl says has a Spanish form, with every name, number and text of users in it as it was."""

from __future__ import annotations

import re

from jobctl.saying import Said
from jobctl.web.page.es import schedules, sentences

KEPT = re.compile(r"\([^()]*\)|\b(?:cron|quartz) .*|[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{2}:[0-9]{2}(?::[0-9]{2})?|\w+/\w+")
"""Expressions, dates, times of day and zones of a schedule's words."""
ENGLISH = re.compile(r"\b(?:the|of|and|or|every|from|until|each|past|is|it|was|which|daemon's)\b")


def check_schedule(text: str) -> str:
    found = schedules.translated(text)
    assert found is not None, f"no Spanish for the schedule: {text}"
    for kept in KEPT.findall(text.removesuffix(" time").partition(" time until")[0]):
        assert kept.removesuffix(" time") in found or kept.partition(", ")[0] in found, (kept, found)
    words = re.sub(r"\([^()]*\)", "", found)
    assert not ENGLISH.search(words), found
    return found


def check_sentence(text: str) -> str:
    found = sentences.translated(text)
    assert found is not None, f"no Spanish for the sentence: {text!r}, made of {getattr(text, 'template', None)!r}"
    if isinstance(text, Said):
        for part in parts_of(text):
            assert part in found, (part, found)
    return found


def parts_of(said: Said) -> list[str]:
    """Names, numbers and texts that were put into it, however deep."""
    found: list[str] = []
    for part in said.parts.values():
        if isinstance(part, Said):
            found += parts_of(part)
        elif type(part) in (str, int):
            found.append(str(part))
    return found


def check_message(text: str, actor: str) -> str:
    """A message that jobctl itself writes on a system job."""
    found = sentences.read(text)
    assert found is not None, f"no Spanish for the message: {text!r}"
    assert actor not in text or actor in found
    for number in re.findall(r"[0-9]+", text):
        assert number in found, (text, found)
    return found
