"""What system jobs have as their message, in Spanish; by how it reads (see sentences.READ)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

OF_DECISIONS: Final[Mapping[str, str]] = {
    "canceled by {actor:w}": "cancelado por {actor}",
    "deleted by {actor:w}": "borrado por {actor}",
    "{actor:w} waived what it was to wait for": "{actor} lo eximió de lo que debía esperar",
    "the job was removed": "se quitó el trabajo",
    "the job was rescheduled": "se reprogramó el trabajo",
    "the job was unscheduled": "se quitó la programación del trabajo",
    "the job was unscheduled: {why}": "se quitó la programación del trabajo: {why}",
    "the schedule cannot be computed: {error:s}": "la programación no se puede calcular: {error}",
    "not run: it could not begin by {at:i}": "no ejecutado: no pudo empezar antes de {at}",
    "1 occurrence not run: the schedule was paused until {until:i}": (
        "1 ejecución no realizada: la programación descansaba hasta {until}"
    ),
    "{count:n} occurrences not run: the schedule was paused until {until:i}": (
        "{count} ejecuciones no realizadas: la programación descansaba hasta {until}"
    ),
    "1 occurrence not run: the schedule was paused until {until:i}: {why}": (
        "1 ejecución no realizada: la programación descansaba hasta {until}: {why}"
    ),
    "{count:n} occurrences not run: the schedule was paused until {until:i}: {why}": (
        "{count} ejecuciones no realizadas: la programación descansaba hasta {until}: {why}"
    ),
    "1 occurrence missed, of {first:i}: no daemon started it in time": (
        "1 ejecución perdida, la de {first}: ningún daemon la inició a tiempo"
    ),
    "{count:n} occurrences missed, from {first:i} to {last:i}: no daemon started them in time": (
        "{count} ejecuciones perdidas, de {first} a {last}: ningún daemon las inició a tiempo"
    ),
    "replaced by #{number:n}, the next occurrence": "sustituido por #{number}, la ejecución siguiente",
    "not run: #{number:n} of the same schedule was still active ({state:k})": (
        "no ejecutado: #{number} de la misma programación seguía activo ({state})"
    ),
    "not run: #{number:n} of the same schedule was still active ({state:k}), and #{other:n} waits already": (
        "no ejecutado: #{number} de la misma programación seguía activo ({state}), y #{other} ya espera"
    ),
    "not run: it was to run once #{number:n} had succeeded, and that {how:k}": (
        "no ejecutado: debía ejecutarse cuando #{number} terminara bien, y ese {how}"
    ),
    "not run: it was to run once #{number:n} had failed, and that {how:k}": (
        "no ejecutado: debía ejecutarse cuando #{number} fallara, y ese {how}"
    ),
}
OF_RUNS: Final[Mapping[str, str]] = {
    "exit code {code:n}": "código de salida {code}",
    "killed by {signal:w} ({number:n})": "matado por {signal} ({number})",
    "killed by signal {number:n}": "matado por la señal {number}",
    "timed out after {span:w}": "superó el tiempo límite de {span}",
    "lost: its runner was gone before it ended": "perdido: su ejecutor desapareció antes de que terminara",
    "could not be started yet: {why:s}": "todavía no se pudo iniciar: {why}",
    "stuck: {count:n} processes survive SIGKILL; the slot is given back": (
        "atascado: {count} procesos sobreviven a SIGKILL; se devuelve el puesto"
    ),
    "ended {count:n} leftover process": "terminado {count} proceso sobrante",
    "ended {count:n} leftover processes": "terminados {count} procesos sobrantes",
    "ended {count:n} leftover thread": "terminado {count} hilo sobrante",
    "ended {count:n} leftover threads": "terminados {count} hilos sobrantes",
    "{text:s}; ended {count:n} leftover process": "{text}; terminado {count} proceso sobrante",
    "{text:s}; ended {count:n} leftover processes": "{text}; terminados {count} procesos sobrantes",
    "{text:s}; ended {count:n} leftover thread": "{text}; terminado {count} hilo sobrante",
    "{text:s}; ended {count:n} leftover threads": "{text}; terminados {count} hilos sobrantes",
    "the interpreter ended ({how:s}) before the callable returned": (
        "el intérprete terminó ({how}) antes de que la función volviera"
    ),
    "the callable closed the worker's connection": "la función cerró la conexión del proceso de trabajo",
    "the worker's answer makes no sense": "la respuesta del proceso de trabajo no tiene sentido",
    "the result, of type {kind:w}, is not JSON: {error}": "el resultado, de tipo {kind}, no es JSON: {error}",
    "the result is larger than 1 MiB as JSON": "el resultado supera 1 MiB como JSON",
    "the result is nested deeper than {depth:n}": "el resultado tiene más de {depth} niveles anidados",
    "cannot import {name:w}: {error}": "no se puede importar {name}: {error}",
    "{name:w} is not callable but of type {kind:w}": "{name} no es una función sino de tipo {kind}",
    "cannot start {program}: {error:s}": "no se puede iniciar {program}: {error}",
    "cannot start {program}: its interpreter is missing: {error:s}": (
        "no se puede iniciar {program}: falta su intérprete: {error}"
    ),
    "cannot start a worker: {error:s}": "no se puede iniciar un proceso de trabajo: {error}",
    "cannot change to directory {path}: {error:s}": "no se puede pasar al directorio {path}: {error}",
    "cannot write the data file {path}: {error:s}": "no se puede escribir el fichero de datos {path}: {error}",
    "its command and environment are larger than {size:n} MiB together": (
        "su orden y su entorno superan juntos los {size} MiB"
    ),
    "{path} is not a regular file": "{path} no es un fichero normal",
    "{path} is larger than {size:n} KiB, too large for a variable": (
        "{path} supera los {size} KiB, demasiado para una variable"
    ),
    "cannot read {path} for the variable {name:w}: {error:s}": (
        "no se puede leer {path} para la variable {name}: {error}"
    ),
    "{path} holds a NUL, which the variable {name:w} cannot carry": (
        "{path} contiene un NUL, que la variable {name} no puede llevar"
    ),
}
INNER: Final[Mapping[str, str]] = {
    "was deleted": "fue borrado",
    "failed": "falló",
    "was canceled": "fue cancelado",
    "succeeded": "terminó bien",
    "ready": "listo",
    "in progress": "en curso",
    "waiting": "en espera",
    "waiting for resources": "en espera de recursos",
    "pausing": "pausando",
    "canceling": "cancelando",
}
"""Words inside these sentences that are none alone."""
MESSAGES: Final[Mapping[str, str]] = {**OF_DECISIONS, **OF_RUNS}
