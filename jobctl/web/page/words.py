"""Every word of the page in each of its languages, and which of these a browser asks for.

The page's own words have keys; what jobctl's operations say is English, and translated in `es/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from jobctl.web.page import english, spanish
from jobctl.web.page.es import schedules, sentences

LANGUAGES: Final[Mapping[str, Mapping[str, str]]] = {"en": english.WORDS, "es": spanish.WORDS}
"""By their codes (RFC 5646); the first is for who asks for none of them."""
MOST: Final = 20
"""Languages of a header that are looked at."""


@dataclass(frozen=True, slots=True)
class Words:
    """Those of one language."""

    language: str

    def __call__(self, key: str, **values: object) -> str:
        """The text of that key with the values in its places. Raises KeyError for one that there is not."""
        text = LANGUAGES[self.language][key]
        return text.format(**values) if values else text

    def told(self, text: str) -> str | None:
        """A sentence of jobctl's operations in this language; None for one that there is not in it."""
        return str(text) if self.language == "en" else sentences.translated(text)

    def recorded(self, text: str) -> str | None:
        """The same of one that may be a job's or a person's own."""
        return str(text) if self.language == "en" else sentences.read(text)

    def schedule(self, text: str) -> str | None:
        """The same of a schedule in words."""
        return str(text) if self.language == "en" else schedules.translated(text) or sentences.translated(text)


def preferred(header: str) -> str:
    """The language that `Accept-Language` asks for most (RFC 9110, 12.5.4); of several as welcome, the first."""
    best, quality = next(iter(LANGUAGES)), 0.0
    for part in header.split(",")[:MOST]:
        name, *parameters = part.split(";")
        code = name.strip().lower().partition("-")[0]
        weight = _weight(parameters)
        if code == "*":
            code = best if quality else next(iter(LANGUAGES))
        if code in LANGUAGES and weight > quality:
            best, quality = code, weight
    return best


def _weight(parameters: list[str]) -> float:
    """1 unless `q=` says less; 0 for what is no weight."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                found = float(value.strip())
            except ValueError:
                return 0.0
            return found if 0.0 <= found <= 1.0 else 0.0
    return 1.0
