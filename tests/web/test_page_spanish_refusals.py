"""Refusals on the Spanish page: each that the code behind it can raise is known, and shown with what users wrote."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from importlib import import_module
from itertools import product
from pathlib import Path
from string import Formatter

import pytest

import jobctl
from jobctl import control, errors, scheduling
from jobctl.errors import JobctlError
from jobctl.filtering import NAMES, filter_from
from jobctl.jsontext import check_json
from jobctl.legality import LEGAL, require
from jobctl.model import REASONS, Definition, State
from jobctl.schedule.instants import parse_duration, parse_instant
from jobctl.schedule.zones import zone
from jobctl.web.page.es.refusals import INNER, REFUSALS
from jobctl.web.page.es.sentences import read
from tests.store.world import Template, World

HERE = Path(jobctl.__file__).parent
ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type)} | {"Rejected", "Failure"}
REACHED = [
    "database",
    "errors",
    "filtering",
    "jsontext",
    "legality",
    "schedule.instants",
    "store",
    "texts",
    "web.callers",
    "web.events",
    "web.failures",
    "web.gate",
    "web.page.axis",
    "web.page.entrance",
    "web.page.jobs",
    "web.page.listing",
    "web.page.month",
    "web.page.moves",
    "web.payloads",
    "web.reading",
]
"""Modules all of whose sentences the page may come to show."""
ELSEWHERE = (
    "the body is to be application/json",
    "the {} is a text",
    "the {} has from",
    "regarding",
    "data must",
    "it is",
)
"""How those begin that only other doors show: they take JSON bodies, events, and what a job regards."""
COMPOSED = {"{}: {}", "system job {} is {}"}
"""Of filters and operations, which are refused below as they are."""
SAMPLES = ("7", "'x'", "ready", "2026-11-21")


def sentences(module: str) -> Iterator[str]:
    """What the module raises, with {} where something is put in."""
    path = HERE / f"{module.replace('.', '/')}.py"
    found = vars(import_module(f"jobctl.{module}"))
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name not in ERRORS | {"__init__"}:
            continue
        for given in node.args:
            if isinstance(given, ast.Constant) and isinstance(given.value, str) and " " in given.value:
                yield given.value
            elif isinstance(given, ast.JoinedStr):
                yield "".join(piece(part, found) for part in given.values)


def piece(part: ast.expr, found: dict[str, object]) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    assert isinstance(part, ast.FormattedValue)
    constant = found.get(part.value.id) if isinstance(part.value, ast.Name) else None
    if isinstance(constant, str):
        return constant
    if part.conversion in (ord("r"), ord("a")):
        return "'x'"
    return "{}"


ALL = sorted(
    {
        (module, text)
        for module in REACHED
        for text in sentences(module)
        if not text.startswith(ELSEWHERE) and text not in COMPOSED
    }
)


@pytest.mark.parametrize(("module", "text"), ALL)
def test_each_refusal_has_a_spanish_sentence(module: str, text: str) -> None:
    places = sum(name is not None for _, name, _, _ in Formatter().parse(text))
    tried = [text.format(*values) for values in product(SAMPLES, repeat=places)]
    # What is only a hint at the end, or in front, is a sentence of its own.
    tried += [one.rpartition("'x'")[0] + "'x'" for one in tried if "'x'" in one]
    assert any(read(one) is not None for one in tried), text


def test_many_refusals_were_looked_at() -> None:
    assert len(ALL) > 50


def test_each_operation_and_filter_has_a_word() -> None:
    assert {verb for verbs in LEGAL.values() for verb in verbs} | set(NAMES) <= set(INNER)


def test_no_sentence_has_holes_that_the_spanish_one_leaves_out() -> None:
    for english, spanish in REFUSALS.items():
        names = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in (english, spanish)]
        assert names[0] == names[1], english


def refused(call: object) -> str:
    assert callable(call)
    with pytest.raises(JobctlError) as caught:
        call()
    found = read(str(caught.value))
    assert found is not None, caught.value
    return found


FORMS = "; se aceptan 350ms, 90s, 2h30m, 1d, 1w (unidades en orden descendente), o ISO 8601 como PT30S, P1DT12H, P2W"


def test_what_people_type_is_refused_in_spanish() -> None:
    utc = zone("UTC")
    assert refused(lambda: parse_duration("soon")) == f"'soon' no es una duración{FORMS}"
    assert refused(lambda: parse_instant("2026-13-01", 0, utc)).startswith(
        "no existe '2026-13-01' (el mes va de 1 a 12"
    )
    assert refused(lambda: parse_instant("3/4/2026", 0, utc)) == (
        "'3/4/2026' deja en duda el orden de día y mes; escriba 2026-04-03 o 2026-03-04"
    )
    assert refused(lambda: filter_from({"state": "redy"}, 0, utc)) == (
        "Estado: 'redy' no es ninguno de ready, suspended, locked, completed"
    )
    assert refused(lambda: check_json("{1}")) == (
        "los datos no son JSON válido: falta un nombre de propiedad entre comillas dobles: "
        "línea 1, columna 2 (carácter 1)"
    )
    assert refused(lambda: zone("Europe/Madird")) == (
        "no hay ninguna zona horaria llamada 'Europe/Madird'; ¿quiso decir 'Europe/Madrid'?"
    )


@pytest.fixture
def world() -> Iterator[World]:
    template = Template()
    made = template.world()
    control.add_job(made.store, "backup", Definition(argv=("true",)))
    yield made
    template.discard(made)
    template.remove()


def test_every_state_says_in_spanish_what_is_not_legal(world: World) -> None:
    row = control.submit(world.store, "backup")
    for status, reasons in REASONS.items():
        for reason, platform in product((None, *reasons), (False, True)):
            for state in State:
                other = replace(row, state=state, status=status, reason=reason, platform=platform)
                found = refused(partial(require, other, "resume", False))
                assert not re.search(r"[_]|\b(is|not|legal|maintenance)\b", found), found


def test_operations_are_refused_in_spanish_with_their_names_and_numbers(world: World) -> None:
    row = control.submit(world.store, "backup")
    assert refused(lambda: control.resume(world.store, row.sequence)) == (
        f"el trabajo del sistema {row.sequence} está listo (en espera de recursos): no se puede reanudar; "
        "se puede: cancelar, posponer, borrar"
    )
    assert refused(lambda: control.pause(world.store, 4711)) == (
        "no hay ningún trabajo del sistema 4711; véase: jobctl monitor"
    )
    assert refused(lambda: scheduling.unschedule(world.store, "backup")) == "el trabajo 'backup' no tiene programación"
    assert refused(lambda: control.postpone(world.store, row.sequence, 1)) == (
        "para posponerlo hace falta un instante futuro; para ejecutarlo ahora: jobctl resume"
    )
    assert refused(lambda: world.store.job("bakup")) == (
        "no hay ningún trabajo llamado 'bakup'; ¿quiso decir 'backup'?"
    )
    assert refused(lambda: world.store.job("no job has a schedule")) == (
        "no hay ningún trabajo llamado 'no job has a schedule'"
    )
