"""JSON that comes from outside: checked once, at the door."""

from __future__ import annotations

import json
from typing import Any, Final

from jobctl.errors import BadInput

MAX_JSON_BYTES: Final = 1024 * 1024
MAX_JSON_DEPTH: Final = 64
SCALARS: Final = frozenset({str, int, bool, type(None)})
"""Types whose values are always JSON; a float may be NaN."""


def check_json(text: str) -> str:
    """The same document in canonical form. Raises BadInput: not JSON, over 1 MiB, or nested deeper than 64."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_JSON_BYTES:
        raise BadInput("the data is larger than 1 MiB; pass the path of a file instead")
    try:
        document = _parsed(text)
        if _depth(document) > MAX_JSON_DEPTH:
            raise BadInput(f"the data is nested deeper than {MAX_JSON_DEPTH} levels")
        canonical = json.dumps(document, ensure_ascii=False, allow_nan=False)
        canonical.encode("utf-8")
    except RecursionError:
        raise BadInput(f"the data is nested deeper than {MAX_JSON_DEPTH} levels") from None
    except ValueError as error:
        raise BadInput(f"the data is not valid JSON: {error}") from None
    return canonical


def parse(text: str) -> Any:
    """The document. Raises BadInput: not JSON, or a key that appears twice."""
    try:
        return _parsed(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"it is not valid JSON: {error}") from None


def _parsed(text: str) -> Any:
    if text.startswith("\ufeff"):
        raise ValueError("it begins with a byte order mark")
    return _DECODER.decode(text)


def json_of(document: object) -> str:
    """The canonical text of an object. Raises BadInput: not for JSON, over 1 MiB, or nested deeper than 64."""
    try:
        text = _ENCODER.encode(document)
        if len(text) <= MAX_JSON_BYTES // 4 and text.isascii() and _is_flat(document):
            return text
        return check_json(json.dumps(document))
    except (TypeError, ValueError, RecursionError) as error:
        raise BadInput(f"data must be what JSON can hold: {error}") from None


def _is_flat(document: object) -> bool:
    """Whether it can neither be nested too deep nor come to hold a key twice."""
    if type(document) is dict:
        return all(type(key) is str and type(value) in SCALARS for key, value in document.items())
    if type(document) is list:
        return all(type(value) in SCALARS for value in document)
    return type(document) in SCALARS


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) != len(pairs):
        raise ValueError("a key appears twice")
    return found


# Made once: `loads` and `dumps` would make them for each document.
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False)
_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_refuse_duplicates)


def _depth(document: Any) -> int:
    depth, level = 0, [document]
    while level := [item for item in level if isinstance(item, (dict, list))]:
        depth += 1
        level = [child for item in level for child in (item.values() if isinstance(item, dict) else item)]
    return depth
