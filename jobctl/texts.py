"""What a text may hold before it is stored or shown, for every door."""

from __future__ import annotations

import re
from typing import Final

from jobctl.errors import BadInput

# Texts, which `re` compiles when they are first needed: most commands need none.
TEXT_CONTROLS: Final = r"[\x00-\x08\x0b-\x1f\x7f-\x9f]"
ALL_CONTROLS: Final = r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
SURROGATES: Final = r"[\ud800-\udfff]"
REGARDING: Final = r"[^:\s]{1,100}:\S.{0,199}"
LONGEST_NAME: Final = 100
LONGEST_EVENT: Final = 100
LONGEST_KEY: Final = 200


def clean(value: str, what: str, *, text: bool = False) -> str:
    """`value` itself, or BadInput when it cannot be stored or shown; `text` may have tabs and newlines."""
    if value.isprintable():
        return value  # all that is refused below is not
    if re.search(SURROGATES, value):
        raise BadInput(f"{what} is not valid UTF-8: {value!a}")
    found = re.search(TEXT_CONTROLS if text else ALL_CONTROLS, value)
    if found:
        raise BadInput(f"{what} contains the control character U+{ord(found.group()):04X}: {value!a}")
    return value


def word(value: object, what: str, longest: int) -> str:
    """A short text without control characters. Raises BadInput."""
    if not isinstance(value, str):
        raise BadInput(f"the {what} is a text, not {type(value).__name__}")
    clean(value, f"the {what}")
    if not 1 <= len(value.strip()) <= longest or value != value.strip():
        raise BadInput(f"the {what} has from 1 to {longest} characters, and no space around it")
    return value


def regarding(value: object) -> str:
    """What a system job is about, as TYPE:ID. Raises BadInput."""
    if not isinstance(value, str):
        raise BadInput(f"regarding is a text TYPE:ID, not {type(value).__name__}")
    if not re.fullmatch(REGARDING, clean(value, "regarding")):
        raise BadInput(f"regarding {value!a} is not TYPE:ID, as in invoice:4711")
    return value


def is_name(value: str) -> bool:
    """Whether it can name a job: a letter first, then letters, digits, `.`, `_` and `-`, all of ASCII, at most 100."""
    rest = value[1:].replace(".", "0").replace("_", "0").replace("-", "0")
    return value.isascii() and value[:1].isalpha() and f"0{rest}".isalnum() and len(value) <= LONGEST_NAME
