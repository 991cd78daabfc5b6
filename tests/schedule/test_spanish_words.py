"""Schedules in Spanish words: how they read; that none is left out is checked beside every other test here."""

from __future__ import annotations

import pytest

from jobctl.web.page.es.schedules import translated

WORDS = {
    "at 03:00 on Monday to Friday (cron 0 3 * * mon-fri), Europe/Madrid time": (
        "a las 03:00 de lunes a viernes (cron 0 3 * * mon-fri), hora de Europe/Madrid"
    ),
    "at 01:00 every day (cron 0 1 * * *), UTC time": "a la 01:00 todos los días (cron 0 1 * * *), hora UTC",
    "every 5 minutes from 2026-11-21 09:00 Europe/Madrid": "cada 5 minutos desde el 2026-11-21 09:00 Europe/Madrid",
    "at 09:00 on the 1st, 15th and last day of each month, Europe/Madrid time until 2026-12-31 09:00 Europe/Madrid": (
        "a las 09:00 los días 1, 15 y último de cada mes, hora de Europe/Madrid hasta el 2026-12-31 09:00 Europe/Madrid"
    ),
    "at 05:15 and 17:15 on the 3rd Wednesday of each month from 2015-04-01 00:00 UTC": (
        "a las 05:15 y 17:15 el tercer miércoles de cada mes desde el 2015-04-01 00:00 UTC"
    ),
    "at 09:00 on the 2nd to last Friday of March and June from 2026-01-01 09:00 UTC": (
        "a las 09:00 el penúltimo viernes de marzo y junio desde el 2026-01-01 09:00 UTC"
    ),
    "at 5 and 35 past every 2nd hour from 08 to 20 on Saturday and Sunday (cron 5,35 8-20/2 * * sat,sun), UTC time": (
        "en los minutos 5 y 35 de una de cada 2 horas (de 08 a 20) los sábados y domingos"
        " (cron 5,35 8-20/2 * * sat,sun), hora UTC"
    ),
    "at 00:00 on the 13th of each month if it is Friday (quartz 0 0 0 13 * FRI), UTC time": (
        "a las 00:00 el día 13 de cada mes si es viernes (quartz 0 0 0 13 * FRI), hora UTC"
    ),
    "at 06:00 on 29 February or else 28 every year from 2028-02-29 05:00 UTC": (
        "a las 06:00 el 29 de febrero o si no el 28 cada año desde el 2028-02-29 05:00 UTC"
    ),
    "once at 2026-11-20 09:00 Europe/Madrid": "una vez, el 2026-11-20 09:00 Europe/Madrid",
    "at 09:00 every day (cron 0 9 * * *), UTC time, not on 2026-12-24 to 2026-12-31": (
        "a las 09:00 todos los días (cron 0 9 * * *), hora UTC, excepto 2026-12-24 a 2026-12-31"
    ),
    "cron 0 9 L 3-11 sun#2, UTC time": "cron 0 9 L 3-11 sun#2, hora UTC",
}


@pytest.mark.parametrize("english", WORDS)
def test_a_schedule_reads_in_spanish_as_people_say_it(english: str) -> None:
    assert translated(english) == WORDS[english]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "at noon, UTC time",
        "at 09:00 on Moonday (cron 0 9 * * 1), UTC time",
        "every 5 minutes",
        "every 5 minutes and more from 2026-11-21 09:00 UTC",
        "once at dawn",
        "at 09:00 every day, UTC time, not on holidays",
    ],
)
def test_what_is_not_wholly_understood_is_not_translated(text: str) -> None:
    assert translated(text) is None
