"""The words of the page: the same keys and places in every language, each of them used, and the language asked for."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from string import Formatter

import pytest

import jobctl
from jobctl.model import REASONS, Reason, State, Status
from jobctl.output.timeline import MARKS
from jobctl.web.page import jobs, one, rendering, words
from jobctl.web.page.words import LANGUAGES, Words, preferred

KEY = re.compile(r"""(?:\bt|\bwords)\(\s*(?:"([^"{]+)"|'([^']+)')(\s*~)?""")


def recorded() -> list[tuple[str, tuple[str, ...]]]:
    """The kinds of events of system jobs that the code records, each with the names of what it tells."""
    found: list[tuple[str, tuple[str, ...]]] = []
    for path in sorted(Path(jobctl.__file__).parent.glob("**/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(attr="event"), args=[ast.Constant(value=str(kind))], keywords=more):
                    names = [one.arg for one in more if one.arg is not None]
                    if "sequence" in names:
                        found.append((kind, tuple(name for name in names if name != "sequence")))
    return found


RECORDED = [*recorded(), ("retry", ("started_on",))]
MADE = {
    "status.": [status.label for status in Status],
    "state.": [state.label for state in State],
    "reason.": [reason.value for reasons in REASONS.values() for reason in reasons],
    "action.": [*one.OFFERED],
    "done.": [*one.DONE, *jobs.DONE],
    "legend.": list(MARKS),
    "month.": [str(number) for number in range(1, 13)],
    "weekday.": [str(number) for number in range(1, 8)],
    "filter.": ["job", "since", "until", "state", "status", "reason", "token", "owner", "tag", "type", "message-name"],
    "field.": [],
    "event.": sorted(kind for kind, _ in RECORDED),
    "detail.": sorted({name for _, names in RECORDED for name in names}),
    "condition.": ["success", "failure", "any"],
}
"""Keys that are put together, by how they begin."""


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def used() -> set[str]:
    """Every key that stands in a template or in the code."""
    here = Path(rendering.__file__).parent
    catalogues = {here / "english.py", here / "spanish.py"}
    found: set[str] = set()
    for path in [*sorted(set(here.glob("*.py")) - catalogues), *(here / "templates").glob("*.html")]:
        text = path.read_text(encoding="utf-8")
        for double, single, joined in KEY.findall(text):
            key = double or single
            found |= {key + end for end in MADE[key]} if joined else {key}
        found |= {f"field.{name}" for name in re.findall(r"""\bfield\('([a-z_]+)'""", text)}
        found |= {key for key in re.findall(r"""['"]([a-z_]+\.[a-z_0-9.-]+)['"]""", text) if key in LANGUAGES["en"]}
    return found | {start + end for start, ends in MADE.items() for end in ends}


def test_each_language_has_the_same_keys_with_the_same_places() -> None:
    assert set(LANGUAGES) == {"en", "es"}
    english = LANGUAGES["en"]
    for language, found in LANGUAGES.items():
        assert set(found) == set(english), language
        for key, text in found.items():
            assert text.strip() and places(text) == places(english[key]), (language, key)
    assert sum(LANGUAGES["es"][key] == text for key, text in english.items()) < len(english) * 0.2


def test_each_key_that_is_used_exists_and_each_that_exists_is_used() -> None:
    assert used() - set(LANGUAGES["en"]) == set()
    assert set(LANGUAGES["en"]) - used() == set()


def test_every_reason_has_a_word() -> None:
    for reason in Reason:
        assert words.Words("es")(f"reason.{reason.value}")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("es", "es"),
        ("es-ES,es;q=0.9,en;q=0.8", "es"),
        ("en-GB,en;q=0.9,es;q=0.8", "en"),
        ("en;q=0.2, ES-mx;q=0.7", "es"),
        ("fr, de;q=0.8, es;q=0.1", "es"),
        ("fr", "en"),
        ("*", "en"),
        ("es;q=0", "en"),
        ("es;q=2, en;q=0.1", "en"),
        ("es;q=x", "en"),
        ("es ; q=0.5 , en ; q=0.4", "es"),
        (",,;;q=,", "en"),
        ("espresso", "en"),
    ],
)
def test_the_language_is_the_one_the_browser_asks_for_most(header: str, language: str) -> None:
    assert preferred(header) == language


def test_a_text_has_its_values() -> None:
    assert Words("es")("signed_in", name="{x}") == "Sesión de {x}"
