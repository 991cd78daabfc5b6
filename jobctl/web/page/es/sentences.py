"""What jobctl says, in Spanish: by its template where it remembers that, else by how it reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from string import Formatter
from typing import Final, NamedTuple

from jobctl.saying import Recorded, Said
from jobctl.web.page.es import messages, notes, refusals, why

SENTENCES: Final[Mapping[str, str]] = {**notes.SENTENCES, **why.SENTENCES}
"""Those that `say` makes, by their templates."""
READ: Final[Mapping[str, str]] = {**messages.MESSAGES, **refusals.REFUSALS}
"""Those that were recorded or come as errors, by what they read like: `{name:q}` is a text in quotes, `{count:n}` a
number, `{at:i}` an instant with a zone, `{word:w}` has no blanks, `{error:s}` is a sentence of its own, `{state:k}` a
word of INNER (as `{legal:l}`, several of them, `{filter:f}` and `{what:j}`), anything else is any text.
"""
INNER: Final[Mapping[str, str]] = {
    **{code.replace(" ", "_"): word for code, word in why.CODES.items()},
    **messages.INNER,
    **refusals.INNER,
}
FILTERS: Final = "state|status|reason|job|since|until|token|type|owner|tag|message-name"
HOLES: Final = {
    "q": r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""",
    "n": r"-?[0-9]+(?:\.[0-9]+)?",
    "i": r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} \S+",
    "w": r"\S+",
    "k": r"[^():;]+",
    "l": r"[^():;]+(?: --force)?",
    "f": FILTERS,
    "j": r"[A-Z].+",
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
    for form in FORMS:
        match = form.pattern.fullmatch(text)
        if match is not None:
            return form.spanish.format(
                **{name: _inner(value, form.kinds[name]) for name, value in match.groupdict().items()}
            )
    return None


def _inner(text: str, kind: str) -> str:
    if kind == "l":
        return ", ".join(INNER.get(word, word) for word in text.split(", "))
    if kind in ("k", "f", "j"):
        return INNER.get(text, text)
    return read(text) or text if kind == "s" else text


class Form(NamedTuple):
    """How a sentence reads, the kinds of its parts by name, and what it is in Spanish."""

    pattern: re.Pattern[str]
    kinds: Mapping[str, str]
    spanish: str


def _form(template: str, spanish: str) -> Form:
    pattern, kinds = "", {}
    for literal, name, kind, _ in Formatter().parse(template):
        pattern += re.escape(literal)
        if name is not None:
            kinds[name] = kind or ""
            pattern += f"(?P<{name}>{HOLES.get(kind or '', '.+')})"
    return Form(re.compile(pattern, re.DOTALL), kinds, spanish)


def _own(template: str) -> int:
    """How much of a template is words of its own."""
    return sum(len(literal) for literal, _, _, _ in Formatter().parse(template))


FORMS: Final = [_form(template, READ[template]) for template in sorted(READ, key=_own, reverse=True)]
"""Those that say the most by themselves come first."""
