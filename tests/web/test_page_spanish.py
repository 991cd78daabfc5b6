"""What jobctl itself says on the Spanish page: nothing is left out, nothing is stale, and what users said stays."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

import jobctl
from jobctl.runner import outcome, spawn
from jobctl.saying import Recorded, say
from jobctl.states import Reason, Status
from jobctl.web.page.es import messages, notes, why
from jobctl.web.page.es.sentences import READ, SENTENCES, read, translated
from tests.conftest import Jobctl, StartDaemon, wait_until
from tests.web.browsing import Person
from tests.web.conftest import StartServe
from tests.web.test_page_words import places

HERE = Path(jobctl.__file__).parent
SPEAKERS = sorted([*(HERE / "why").glob("*.py"), HERE / "almanac.py", HERE / "coming.py", HERE / "views.py"])
COMMANDS = {"jobctl daemon", "jobctl daemon --takeover", "canceled by"}
"""Texts that are no sentences."""


def constants(path: Path) -> Iterator[str]:
    """The texts of a module but those that describe it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    described = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in described | inside:
            yield node.value


def said_in_code() -> set[str]:
    return {text for path in SPEAKERS for text in constants(path) if " " in text.strip()} - COMMANDS


def test_each_sentence_of_the_code_has_a_spanish_one() -> None:
    assert said_in_code() - set(SENTENCES) == set()


def test_each_code_that_stands_in_sentences_has_a_spanish_one() -> None:
    ended = {Status.SUCCEEDED, Status.FAILED, Status.CANCELED}
    codes = {reason.value.replace("_", " ") for reason in Reason} | {status.label for status in ended}
    assert codes - set(SENTENCES) == set()
    assert {status.label.replace("_", " ") for status in Status} - ended - set(messages.INNER) <= {
        status.label for status in ended
    }


def test_no_spanish_sentence_is_stale() -> None:
    known = {text for path in HERE.rglob("*.py") if "page/es" not in path.as_posix() for text in constants(path)}
    made = set(why.CODES) | {name for name in notes.SENTENCES if name.isalpha()}
    assert set(SENTENCES) - made - known == set()


def test_each_spanish_sentence_has_the_same_places() -> None:
    for english, spanish in {**SENTENCES, **READ}.items():
        assert spanish.strip() and places(spanish) == places(english), english


TRICKY = [
    "after",
    "it is ready",
    "now",
    "running, begun now",
    "x, which must succeed first: that is failed",
    "{name} and {first!r}",
    "canceled by ana",
    "exit code 3",
]


@pytest.mark.parametrize("name", TRICKY)
def test_a_name_that_reads_like_a_sentence_stays_a_name(name: str) -> None:
    doing = say("{doing}, begun {at}", doing=say("running"), at="2026-11-21 09:00:00")
    text = say(
        "it comes after {other}, which must {wanted} first: that is {doing}",
        other=name,
        wanted=say("fail"),
        doing=doing,
    )
    assert translated(text) == (
        f"va después de {name}, que antes debe fallar: ahora está en curso, empezado 2026-11-21 09:00:00"
    )


def test_to_everybody_else_a_sentence_is_its_english_text() -> None:
    text = say("{actor} canceled it at {at}", actor="ana", at="noon")
    assert text == "ana canceled it at noon" and f"{text}!" == "ana canceled it at noon!"


def test_a_recorded_text_is_translated_only_if_jobctl_may_have_said_it() -> None:
    for message, spanish in {
        "canceled by ana": "falló el x: cancelado por ana",
        "out of paper": "falló el x: out of paper",
        "waiting": "falló el x: waiting",
    }.items():
        assert (
            translated(say("it failed at {at}{ran}: {message}", at="x", ran="", message=Recorded(message))) == spanish
        )


def test_the_ends_of_runs_have_spanish_messages() -> None:
    ended = [
        outcome.of_command(outcome.Exit(3, None), [0]),
        outcome.of_command(outcome.Exit(None, 9), [0]),
        outcome.of_command(outcome.Exit(None, 77), [0]),
        outcome.of_worker(outcome.Exit(1, None)),
        outcome.of_timeout(2.5, outcome.UNKNOWN),
    ]
    ended += [outcome.with_leftovers(verdict, number) for verdict in ended for number in (1, 3)]
    ended.append(outcome.with_leftovers(outcome.Verdict(outcome.SUCCEEDED), 2, "thread", "threads"))
    for verdict in ended:
        assert verdict.message is not None and read(verdict.message) is not None, verdict
    assert read("exit code 3; ended 2 leftover processes") == "código de salida 3; terminados 2 procesos sobrantes"
    for error in (FileNotFoundError(2, "no"), BlockingIOError(11, "again"), ValueError("embedded null byte")):
        told = str(spawn.explained(error, ["/bin/failed"], "/"))
        assert (read(told) or "").startswith("no se puede iniciar /bin/failed: "), told


def test_the_pages_of_a_job_are_spanish_throughout(
    jobctl: Jobctl, daemon: StartDaemon, serve: StartServe, token: str
) -> None:
    """Of a job that is called like a word of many sentences."""
    command = ("--command", "exit 3", "--retries", "1", "--retry-delay", "0.1s")
    jobctl("add", "running", "--cron", "30 2 * * mon-fri", "--tz", "Europe/Madrid", *command, expect=0)
    daemon()
    jobctl("run", "running", expect=0)
    number = 2
    wait_until(lambda: jobctl("show", number, "--json").json["system_job"]["status"] == "failed", what="it failed")
    person = Person(serve(), token, "es")
    one = unescape(person.page(f"/monitor/{number}"))
    for spanish in ("falló el 2", "tras ejecutarse", "código de salida 3", "su reintento se agotó", "hace "):
        assert spanish in one, spanish
    assert re.search(r"<b>reintento</b>.*\n.*tras 100 ms", one)
    job = unescape(person.page("/monitor/jobs/running"))
    assert "a las 02:30 de lunes a viernes (cron 30 2 * * mon-fri), hora de Europe/Madrid" in job
    assert "el próximo, 1: aún no le toca: su programación lo previó para el " in job
    assert f"el último, {number}: falló el " in job and "<h1>running</h1>" in job
    refused = person.post(f"/monitor/{number}/pause", form_key=person.key())
    assert refused.status_code == 409
    assert f"el trabajo del sistema {number} está completado (falló, salida): no se puede pausar" in unescape(
        refused.text
    )
    missing = person.get("/monitor/jobs/runnin")
    assert missing.status_code == 404
    assert "no hay ningún trabajo llamado 'runnin'; ¿quiso decir 'running'?" in unescape(missing.text)
    for text in (one, job, refused.text, missing.text, person.page("/monitor"), person.page("/monitor/month")):
        english = re.findall(r'<(?!code|option)\w+[^>]* lang="en"[^>]*>([^<]+)<', text)
        assert english == [], english
