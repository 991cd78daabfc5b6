"""Sentences that remember what they are made of, so that the page can say them in another language.

To everybody else they are the English text, a `str` like any other. Whoever joins one to something else by `+` or in
an f-string gets a plain text that remembers nothing: sentences are made of parts by `say` alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class Said(str):
    """An English text with its template and the parts that were put into it."""

    __slots__ = ("parts", "template")

    template: str
    """What other languages know the sentence by."""
    parts: Mapping[str, object]
    """By their names in the template; those that are sentences of jobctl's are `Said` or `Recorded` themselves."""


class Recorded(str):
    """A text out of the database: a sentence of jobctl's if it reads like one, else a job's or a person's own."""

    __slots__ = ()


def say(template: str, /, **parts: object) -> Said:
    """The sentence of a template in the form of `str.format`."""
    said = Said(template.format(**parts))
    said.template, said.parts = template, parts
    return said


def listed(texts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(texts) == 1:
        return texts[0]
    return say("{first} and {last}", first=enumerated(texts[:-1]), last=texts[-1])


def enumerated(texts: Sequence[str]) -> str:
    """`a, b, c`."""
    if len(texts) == 1:
        return texts[0]
    return say("{first}, {last}", first=enumerated(texts[:-1]), last=texts[-1])
