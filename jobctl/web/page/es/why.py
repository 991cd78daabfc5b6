"""The sentences of explanations (`jobctl/why`), in Spanish; by their templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CODES: Final[Mapping[str, str]] = {
    "after": "en espera de otros",
    "arguments": "argumentos",
    "canceling": "cancelando",
    "daemon stopped": "daemon detenido",
    "dependency": "dependencia",
    "exception": "excepción",
    "exit": "salida",
    "held": "retenido",
    "import": "importación",
    "late": "tarde",
    "lost": "perdido",
    "memory": "memoria",
    "missed": "perdido a su hora",
    "no result": "sin resultado",
    "overlap": "solapamiento",
    "paused": "pausado",
    "paused schedule": "programación en descanso",
    "postponed": "pospuesto",
    "replaced": "sustituido",
    "result too large": "resultado demasiado grande",
    "retrying": "a la espera de un reintento",
    "schedule rested": "programación en descanso",
    "scheduled": "programado",
    "signal": "señal",
    "spawn": "no iniciado",
    "timeout": "tiempo agotado",
    "unscheduled": "sin programación",
    "user": "por un usuario",
    "waiting": "en espera",
    "waiting for event": "en espera de un evento",
    "canceled": "cancelado",
    "failed": "fallido",
    "succeeded": "correcto",
}
"""Reasons and the ways to end, as words inside sentences."""
FACTS: Final[Mapping[str, str]] = {
    "{at} ({far})": "{at} ({far})",
    "since {at} ({span})": "desde {at} ({span})",
    "from {first} to {last}": "de {first} a {last}",
    "{whom}: {text}": "{whom}: {text}",
    " ({message})": " ({message})",
    "{number} more": "{number} más",
    "handed over, not yet begun": "entregado, aún sin empezar",
    "begun {at}, and not known to have ended": "empezado {at}, y no consta que haya terminado",
    "being paused": "en proceso de pausa",
    "being canceled": "en proceso de cancelación",
    "running": "en curso",
    "{doing}, begun {at}": "{doing}, empezado {at}",
    "ready since {at}": "listo desde {at}",
    "{status} {at}": "{status} {at}",
    "{word} until {at}": "{word} hasta {at}",
}
QUEUES: Final[Mapping[str, str]] = {
    "{other}, which is {doing}": "{other}, que está {doing}",
    "it waits for the end of {other}: an earlier occurrence of the same schedule": (
        "espera a que termine {other}: una ejecución anterior de la misma programación"
    ),
    "it waits for the token {token!r} behind {other}": "espera el testigo {token!r} detrás de {other}",
    "{waits}; {number} are before it, and {holder} has the token, {doing}": (
        "{waits}; tiene {number} delante, y {holder} tiene el testigo, {doing}"
    ),
    "no more than {limit} of {job} run at a time, and {others} do": (
        "no se ejecutan más de {limit} de {job} a la vez, y ya lo hacen {others}"
    ),
    "no more than {limit} of {job} run at a time, and {others} does": (
        "no se ejecutan más de {limit} de {job} a la vez, y ya lo hace {others}"
    ),
    "all {slots} slots are taken, by {others}{before}": "los {slots} puestos están ocupados, por {others}{before}",
    "the daemon is just starting": "el daemon se está iniciando",
    "{free} of {slots} slots are free": "{free} de {slots} puestos están libres",
    "{free}{before}: it begins at one of the daemon's next turns": (
        "{free}{before}: empieza en una de las próximas vueltas del daemon"
    ),
    "; {number} ready one is before it": "; tiene {number} listo delante",
    "; {number} ready ones are before it": "; tiene {number} listos delante",
    "; more than {number} ready ones are before it": "; tiene más de {number} listos delante",
}
ENDING: Final[Mapping[str, str]] = {
    "it succeeded at {at}{ran}{attempt}": "terminó bien el {at}{ran}{attempt}",
    ", at attempt {number}": ", en el intento {number}",
    " after running {span}": " tras ejecutarse {span}",
    "it could not start at {at}: {message}; {mend}": "no pudo iniciarse el {at}: {message}; {mend}",
    "give it data that fits": "dele datos adecuados",
    "mend that first": "arregle eso primero",
    "it was lost at {at}: its runner or its machine was gone, and nothing tells how it ended": (
        "se perdió el {at}: su ejecutor o su máquina desapareció, y nada dice cómo terminó"
    ),
    "it failed at {at}{ran}: {message}": "falló el {at}{ran}: {message}",
    "it was not retried: trying again cannot mend that": "no se reintentó: volver a intentarlo no lo arregla",
    "its retry was used up": "su reintento se agotó",
    "all {number} retries were used up": "se agotaron los {number} reintentos",
    "{actor} canceled it at {at}{because}": "{actor} lo canceló el {at}{because}",
    "not run: {message}, by {actor} at {at}": "no ejecutado: {message}, por {actor} el {at}",
    "the schedule ended": "la programación terminó",
    "the daemon was told twice to stop, and ended it at {at}{ran}": (
        "se pidió dos veces al daemon que parara, y lo terminó el {at}{ran}"
    ),
    "{message} (at {at})": "{message} (el {at})",
    "began {began}, {status} {at}": "empezó {began}, {status} {at}",
    "{message} (looked at {at}, more than {late} late)": "{message} (se vio el {at}, con más de {late} de retraso)",
    "{other} was run for the instants missed: {life}": "{other} se ejecutó por las horas perdidas: {life}",
    "{actor} asked for it at {at}{why}": "{actor} lo pidió el {at}{why}",
}
HISTORY: Final[Mapping[str, str]] = {
    "{number} things happened before; see: jobctl show {sequence}": (
        "antes ocurrieron {number} cosas más; véase: jobctl show {sequence}"
    ),
    "it began at {at}, {late} after it was due": "empezó el {at}, {late} después de lo previsto",
    "{actor} submitted it at {at}": "{actor} lo envió el {at}",
    "{actor} had {number} run again at {at}": "{actor} volvió a ejecutar {number} el {at}",
    "{actor} postponed it at {at}, until {until}": "{actor} lo pospuso el {at}, hasta {until}",
    "{actor} asked at {at} to pause it": "{actor} pidió el {at} pausarlo",
    "it stood still from {at} on": "estuvo parado desde {at}",
    "{actor} let it go on at {at} (it was {was})": "{actor} lo reanudó el {at} (estaba: {was})",
    "attempt {number} failed at {at}{ended}; the next was due after {seconds:g} s": (
        "el intento {number} falló el {at}{ended}; el siguiente estaba previsto a los {seconds:g} s"
    ),
    "attempt {number} was lost at {at}: its runner or its machine was gone": (
        "el intento {number} se perdió el {at}: su ejecutor o su máquina desapareció"
    ),
    "another daemon took it over at {at}": "otro daemon se hizo cargo de él el {at}",
    "{actor} emitted the event {event!r} at {at}": "{actor} emitió el evento {event!r} el {at}",
    "it came after {other}, which ended at {at}": "iba después de {other}, que terminó el {at}",
    "no daemon was at work before {at}": "ningún daemon estaba en marcha antes de {at}",
    "no daemon was at work {period} ({span})": "ningún daemon estuvo en marcha {period} ({span})",
    "the daemon or its machine stood still {period} ({span})": "el daemon o su máquina estuvo parado {period} ({span})",
    "the clock jumped back by {span} at {at}{held}": "el reloj retrocedió {span} el {at}{held}",
    "the clock jumped ahead by {span} at {at}{held}": "el reloj se adelantó {span} el {at}{held}",
    ": planned runs were held back for {seconds:g} s": ": lo programado se retuvo {seconds:g} s",
    "others ran": "se ejecutaban otros",
    "its token {token!r} was taken": "su testigo {token!r} estaba ocupado",
    "another of {job} was active": "otro de {job} estaba activo",
    "it was ready from {at} on and waited {span}": "estuvo listo desde {at} y esperó {span}",
    "{waited}; meanwhile {what}: {others}, until {at}": "{waited}; mientras tanto {what}: {others}, hasta {at}",
}
JOBS: Final[Mapping[str, str]] = {
    "next, {number}": "el próximo, {number}",
    "last, {number}": "el último, {number}",
    "before, {number}": "antes, {number}",
    "{number} more wait or run: jobctl monitor --job {job}": (
        "{number} más esperan o se ejecutan: jobctl monitor --job {job}"
    ),
    "it has no schedule: it runs when somebody submits it": (
        "no tiene programación: se ejecuta cuando alguien lo envía"
    ),
    "its schedule runs it after the next start of the machine": (
        "su programación lo ejecuta tras el próximo arranque de la máquina"
    ),
    "its schedule cannot be computed on this machine, so that nothing is planned: {error}": (
        "su programación no se puede calcular en esta máquina, por lo que no hay nada previsto: {error}"
    ),
    "all {count} of its --count are made, and not all of them are over": (
        "las {count} de su --count están hechas, y no todas han terminado"
    ),
    "its next occurrence is planned once a daemon starts": "su próxima ejecución se planifica al arrancar un daemon",
    "{actor} ended its schedule at {at}{reason}": "{actor} terminó su programación el {at}{reason}",
    "its schedule is over since {at}": "su programación terminó el {at}",
    "its schedule is over since {at}: all {count} of its --count have run": (
        "su programación terminó el {at}: las {count} de su --count se han ejecutado"
    ),
    "its schedule was for once, and is over since {at}": "su programación era para una vez, y terminó el {at}",
    "{over}: it had nothing left before its --end, {end}": "{over}: no le quedaba nada antes de su --end, {end}",
    "--skip leaves out {at}": "--skip deja fuera {at}",
    "{first} and {number} more": "{first} y {number} más",
}
STANDING: Final[Mapping[str, str]] = {
    "it is not run unless it begins by {at}": "no se ejecuta si no empieza antes de {at}",
    "the daemon (pid {pid}) has taken no turn {since}: it or its machine was stopped": (
        "el daemon (pid {pid}) no da ninguna vuelta {since}: se detuvo él o su máquina"
    ),
    "the daemon was told to stop and starts nothing more {since}; the next one goes on": (
        "se pidió al daemon que parara y no inicia nada más {since}; el siguiente continuará"
    ),
    "no daemon has ever run here": "aquí nunca ha habido un daemon en marcha",
    "no daemon is running; the last one stopped at {at}": "no hay ningún daemon en marcha; el último paró el {at}",
    "no daemon is running; the last one was last seen alive at {at}": (
        "no hay ningún daemon en marcha; el último dio señales de vida el {at}"
    ),
    "and after {number} more; see: jobctl show {sequence}": "y después de {number} más; véase: jobctl show {sequence}",
    "it waits for the event {event!r} {since}": "espera el evento {event!r} {since}",
    "and not before {at}": "y no antes de {at}",
    "succeed": "terminar bien",
    "fail": "fallar",
    "end": "terminar",
    "it comes after {other}, which must {wanted} first": "va después de {other}, que antes debe {wanted}",
    "it comes after {other}, which must {wanted} first: that is {doing}": (
        "va después de {other}, que antes debe {wanted}: ahora está {doing}"
    ),
    "it is due since {at}, and the daemon decides on it at its next turn": (
        "le toca desde {at}, y el daemon decide sobre él en su próxima vuelta"
    ),
    "the clock jumped ahead by {span} at {at}: what is planned is held back until {until}": (
        "el reloj se adelantó {span} el {at}: lo programado se retiene hasta {until}"
    ),
    "{actor} submitted it for {at}": "{actor} lo envió para el {at}",
    "its schedule planned it for {at}": "su programación lo previó para el {at}",
    "{planned}, its jitter delays it until {at}": "{planned}, su dispersión lo retrasa hasta {at}",
    "not due yet: {planned}": "aún no le toca: {planned}",
    "somebody": "alguien",
    "its schedule rests {until}{why}, as {actor} asked": "su programación descansa {until}{why}, como pidió {actor}",
    "{postponed}; its processes stand still": "{postponed}; sus procesos están parados",
    "attempt {number} was lost with its runner; the next one is due {at}": (
        "el intento {number} se perdió con su ejecutor; el siguiente está previsto el {at}"
    ),
    "attempt {number} failed{ended}; retry {retry} of {retries} is due {at}": (
        "el intento {number} falló{ended}; el reintento {retry} de {retries} está previsto el {at}"
    ),
    "its schedule cannot be computed on this machine: {error}": (
        "su programación no se puede calcular en esta máquina: {error}"
    ),
    "{actor} paused it at {at}{ran}": "{actor} lo pausó el {at}{ran}",
    ", after it had run {span}": ", cuando llevaba {span} en ejecución",
    "it is being canceled": "se está cancelando",
    "{actor} canceled it at {at}": "{actor} lo canceló el {at}",
    "{asked}: its processes are being ended, and killed after {grace:g} s": (
        "{asked}: se están terminando sus procesos, y se matan a los {grace:g} s"
    ),
    "it was lost {number} times{last}, and is held for a person to decide": (
        "se perdió {number} veces{last}, y queda retenido hasta que alguien decida"
    ),
    ", last at {at}": ", la última el {at}",
    "its schedule failed": "su programación falló",
    "it is held: {message}; run it now, or give the job another schedule with jobctl reschedule {job}": (
        "está retenido: {message}; ejecútelo ahora, o dé al trabajo otra programación con jobctl reschedule {job}"
    ),
    "it is ready {since}": "está listo {since}",
    "it is ready to go on where it stood {since}": "está listo para seguir donde estaba {since}",
    "it {message}; it is tried again every second": "{message}; se vuelve a intentar cada segundo",
    " until {at}": " hasta {at}",
    "{actor} asked at {at} to pause it{until}: its processes are being stopped": (
        "{actor} pidió el {at} pausarlo{until}: se están parando sus procesos"
    ),
    "it was handed to a runner at {at} and is about to begin": "se entregó a un ejecutor el {at} y está por empezar",
    ", attempt {number}": ", intento {number}",
    "it began at {at}{attempt}, and without a daemon its end is not recorded": (
        "empezó el {at}{attempt}, y sin un daemon no se registra su final"
    ),
    "it is running {since}{attempt}": "está en curso {since}{attempt}",
}
SENTENCES: Final[Mapping[str, str]] = {**CODES, **FACTS, **QUEUES, **ENDING, **HISTORY, **JOBS, **STANDING}
