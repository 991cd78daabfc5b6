"""How far away something is, lists, and what stands beside occurrences and months, in Spanish; by their templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from jobctl.web.page.es.calendar_words import MONTHS, WEEKDAYS

SENTENCES: Final[Mapping[str, str]] = {
    **MONTHS,
    **{name[:3]: spanish[:3] for name, spanish in WEEKDAYS.items()},
    "now": "ahora",
    "in {span}": "dentro de {span}",
    "{span} ago": "hace {span}",
    "until {at}": "hasta {at}",
    "until further notice": "hasta nuevo aviso",
    "{first}, {last}": "{first}, {last}",
    "{first} and {last}": "{first} y {last}",
    "once of two": "una vez de dos",
    "shifted out of the gap": "movida fuera del salto de hora",
    "paused {until}": "en descanso {until}",
    "{note}, {number} not run": "{note}, {number} sin ejecutar",
    "{schedule} is paused {until}": "{schedule} descansa {until}",
    "the schedule": "la programación",
    "the next one: {at}": "la próxima: {at}",
    "* {weekday} {day} {month}: the clocks go back from {before:%H:%M} to {after:%H:%M}": (
        "* {weekday} {day} de {month}: los relojes se atrasan de las {before:%H:%M} a las {after:%H:%M}"
    ),
    "* {weekday} {day} {month}: the clocks go forward from {before:%H:%M} to {after:%H:%M}": (
        "* {weekday} {day} de {month}: los relojes se adelantan de las {before:%H:%M} a las {after:%H:%M}"
    ),
    "cannot be read: {error}": "no se puede leer: {error}",
}
