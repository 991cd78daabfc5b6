"""What jobctl says, in Spanish: by its template where it remembers that, else by how it reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from string import Formatter
from typing import Final

from jobctl.saying import Recorded, Said
from jobctl.web.page.es import messages, notes

SENTENCES: Final[Mapping[str, str]] = {**notes.SENTENCES}
"""Those that `say` makes, by their templates."""
READ: Final[Mapping[str, str]] = {**messages.MESSAGES}
"""Those that were recorded or come as errors, by what they read like: `{name:q}` is a text in quotes, `{count:n}` a
number, `{at:i}` an instant with a zone, `{word:w}` has no blanks, `{error:s}` is a sentence of its own, anything else
is any text.
"""
HOLES: Final = {
    "q": r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""",
    "n": r"-?[0-9]+(?:\.[0-9]+)?",
    "i": r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} \S+",
    "w": r"\S+",
}


def translated(text: str) -> str | None:
    """The sentence in Spanish; None for what is none of jobctl's."""
    if isinstance(text, Said):
        return _filled(text)
    return SENTENCES.get(text) or read(text)


def _filled(said: Said) -> str | None:
    """With its parts, which are translated only where they are jobctl's own."""
    spanish = SENTENCES.get(said.template)
    if spanish is None:
        return None
    parts = {name: _part(value) for name, value in said.parts.items()}
    return None if None in parts.values() else spanish.format(**parts)


def _part(value: object) -> object:
    """None for a sentence that there is not in Spanish."""
    if isinstance(value, Said):
        return _filled(value)
    if isinstance(value, Recorded):
        return read(value) or value
    return "" if value is None else value


@lru_cache(maxsize=1024)
def read(text: str) -> str | None:
    """A text in Spanish that was a sentence once and is only known by how it reads; None if it is not known."""
    for pattern, sentences, spanish in PATTERNS:
        match = pattern.fullmatch(text)
        if match is not None:
            found = match.groupdict()
            return spanish.format(
                **{name: _inner(value) if name in sentences else value for name, value in found.items()}
            )
    return None


def _inner(text: str) -> str:
    return messages.INNER.get(text) or read(text) or text


def _compiled(templates: Mapping[str, str]) -> Iterator[tuple[re.Pattern[str], frozenset[str], str]]:
    """Each with the names of its parts that are sentences; what has the most words of its own comes first."""

    def own(template: str) -> int:
        return -sum(len(literal) for literal, _, _, _ in Formatter().parse(template))

    for template in sorted(templates, key=own):
        pattern, sentences = "", set()
        for literal, name, kind, _ in Formatter().parse(template):
            pattern += re.escape(literal)
            if name is not None:
                pattern += f"(?P<{name}>{HOLES.get(kind or '', '.+')})"
                sentences |= {name} if kind == "s" else set()
        yield re.compile(pattern, re.DOTALL), frozenset(sentences), templates[template]


PATTERNS: Final = list(_compiled(READ))
