"""Refusals and other errors that the page can show, in Spanish; by how they read (see sentences.READ)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

INSTANTS: Final = (
    "now, in 10m, 2026-12-01, 2026-12-01 09:00, 2026-12-01T09:00:30Z, 2026-12-01T09:00+01:00, 09:00, "
    "today, tomorrow or a weekday such as fri, each with or without 22:30, and @1767225600"
)
INSTANTS_SPANISH: Final = (
    "now, in 10m, 2026-12-01, 2026-12-01 09:00, 2026-12-01T09:00:30Z, 2026-12-01T09:00+01:00, 09:00, "
    "today, tomorrow o un día de la semana como fri, cada uno con o sin 22:30, y @1767225600"
)
DURATIONS: Final = "350ms, 90s, 2h30m, 1d, 1w (units in descending order), or ISO 8601 as PT30S, P1DT12H, P2W"
DURATIONS_SPANISH: Final = (
    "350ms, 90s, 2h30m, 1d, 1w (unidades en orden descendente), o ISO 8601 como PT30S, P1DT12H, P2W"
)
STORE: Final[Mapping[str, str]] = {
    "{text:s}; did you mean {near:q}?": "{text}; ¿quiso decir {near}?",
    "no job named {name:q}": "no hay ningún trabajo llamado {name}",
    "no system job {number:n}; see: jobctl monitor": (
        "no hay ningún trabajo del sistema {number}; véase: jobctl monitor"
    ),
    "system job {number:n} changed while it was being written": (
        "el trabajo del sistema {number} cambió mientras se escribía"
    ),
    "cannot use {path}: {error}": "no se puede usar {path}: {error}",
    "cannot write {path}: {error}": "no se puede escribir {path}: {error}",
    "cannot write {path}: the disk is full": "no se puede escribir {path}: el disco está lleno",
    "cannot read or write {path}: {error}": "no se puede leer ni escribir {path}: {error}",
    "cannot write the database {path}: it is read-only": (
        "no se puede escribir la base de datos {path}: es de solo lectura"
    ),
    "cannot open the database {path}": "no se puede abrir la base de datos {path}",
    "no permission for the database {path}": "sin permiso para la base de datos {path}",
    "the database {path} is damaged; restore a backup of it": (
        "la base de datos {path} está dañada; restaure una copia de seguridad"
    ),
    "the database {path} is locked by another writer; try again": (
        "otro escritor tiene bloqueada la base de datos {path}; inténtelo de nuevo"
    ),
    "the database {path} is locked by another process; try again": (
        "otro proceso tiene bloqueada la base de datos {path}; inténtelo de nuevo"
    ),
    "the database {path} is gone": "la base de datos {path} ya no existe",
    "reading {path} took too long": "leer {path} ha tardado demasiado",
    "{path} is not a jobctl database; move it away or set JOBCTL_HOME": (
        "{path} no es una base de datos de jobctl; apártela o fije JOBCTL_HOME"
    ),
    "{path} has an older schema, and is read-only: it cannot be migrated": (
        "{path} tiene un esquema más antiguo y es de solo lectura: no se puede migrar"
    ),
    "{path} has schema version {version:n}, written by a newer jobctl; this one knows version {newest:n}: "
    "upgrade jobctl": (
        "{path} tiene la versión {version} del esquema, de un jobctl más nuevo; este conoce la versión {newest}: "
        "actualice jobctl"
    ),
    "this jobctl needs to migrate the database: stop the daemon first (its runs continue)": (
        "este jobctl tiene que migrar la base de datos: pare antes el daemon (lo que está en curso continúa)"
    ),
}
OPERATIONS: Final[Mapping[str, str]] = {
    "system job {number:n} is {state:k} ({status:k}): {verb:k} is not legal; legal: {legal:l}": (
        "el trabajo del sistema {number} está {state} ({status}): no se puede {verb}; se puede: {legal}"
    ),
    "system job {number:n} is {state:k} ({status:k}, {reason:k}): {verb:k} is not legal; legal: {legal:l}": (
        "el trabajo del sistema {number} está {state} ({status}, {reason}): no se puede {verb}; se puede: {legal}"
    ),
    "system job {number:n} is {state:k} ({status:k}), jobctl's own maintenance: {verb:k} is not legal; "
    "legal: {legal:l}": (
        "el trabajo del sistema {number} está {state} ({status}), y es mantenimiento del propio jobctl: "
        "no se puede {verb}; se puede: {legal}"
    ),
    "system job {number:n} is {state:k} ({status:k}, {reason:k}), jobctl's own maintenance: {verb:k} is not legal; "
    "legal: {legal:l}": (
        "el trabajo del sistema {number} está {state} ({status}, {reason}), y es mantenimiento del propio jobctl: "
        "no se puede {verb}; se puede: {legal}"
    ),
    "postpone needs an instant in the future; to run it now: jobctl resume": (
        "para posponerlo hace falta un instante futuro; para ejecutarlo ahora: jobctl resume"
    ),
    "job {name:q} was removed; there is no definition to run again": (
        "el trabajo {name} se quitó; no queda definición que volver a ejecutar"
    ),
    "give either an instant until which, or a duration for which it is postponed": (
        "dé o bien el instante hasta el que se pospone, o bien la duración"
    ),
    "it can be postponed only for a duration above zero": "solo se puede posponer durante más de cero",
    "the duration reaches beyond the year 9999": "la duración va más allá del año 9999",
    "job {name:q} has no schedule": "el trabajo {name} no tiene programación",
    "no job has a schedule": "ningún trabajo tiene programación",
    "say until when the schedule is to rest": "diga hasta cuándo debe descansar la programación",
    "runs that submit runs are nested {most:n} deep at most; this would be {depth:n}": (
        "las ejecuciones que envían otras se anidan hasta {most} niveles; esta sería el {depth}"
    ),
    "the key {key:q} was used for system job {number:n} with other data; nothing was submitted": (
        "la clave {key} se usó para el trabajo del sistema {number} con otros datos; no se envió nada"
    ),
}
TEXTS: Final[Mapping[str, str]] = {
    "{filter:f}: {error:s}": "{filter}: {error}",
    "{value:q} is none of {words}": "{value} no es ninguno de {words}",
    "{value:q} is not one of {words}": "{value} no es uno de {words}",
    "{value:q} is no operation type: give its number, or {words}": (
        "{value} no es un tipo de operación: dé su número, o {words}"
    ),
    f"{{value:q}} is no instant; accepted are {INSTANTS}": (
        f"{{value}} no es un instante; se aceptan {INSTANTS_SPANISH}"
    ),
    f"{{value:q}} lies outside 1970-01-01 to 9999-12-30 UTC; accepted are {INSTANTS}": (
        f"{{value}} queda fuera de 1970-01-01 a 9999-12-30 UTC; se aceptan {INSTANTS_SPANISH}"
    ),
    f"there is no {{value:q}} ({{error:s}}); accepted are {INSTANTS}": (
        f"no existe {{value}} ({{error}}); se aceptan {INSTANTS_SPANISH}"
    ),
    f"{{value:q}} is no date; accepted are {INSTANTS}": f"{{value}} no es una fecha; se aceptan {INSTANTS_SPANISH}",
    "{value:q} is not ISO 8601; write {date}": "{value} no es ISO 8601; escriba {date}",
    "{value:q} leaves the order of day and month open; write {first:w} or {second:w}": (
        "{value} deja en duda el orden de día y mes; escriba {first} o {second}"
    ),
    "month must be in 1..12": "el mes va de 1 a 12",
    "month must be in 1..12, not {number:n}": "el mes va de 1 a 12, no {number}",
    "day is out of range for month": "ese mes no tiene ese día",
    "day {day:n} must be in range 1..{last:n} for month {month:n} in year {year:n}": (
        "el día {day} no está entre 1 y {last}, los del mes {month} de {year}"
    ),
    "year {year:n} is out of range": "el año {year} no existe en el calendario",
    "hour must be in 0..23": "la hora va de 0 a 23",
    "hour must be in 0..23, not {number:n}": "la hora va de 0 a 23, no {number}",
    "minute must be in 0..59": "el minuto va de 0 a 59",
    "minute must be in 0..59, not {number:n}": "el minuto va de 0 a 59, no {number}",
    "second must be in 0..59": "el segundo va de 0 a 59",
    "second must be in 0..59, not {number:n}": "el segundo va de 0 a 59, no {number}",
    "the offset must be within 23:59": "el desfase no puede pasar de 23:59",
    f"{{value:q}} is no duration; accepted are {DURATIONS}": (
        f"{{value}} no es una duración; se aceptan {DURATIONS_SPANISH}"
    ),
    f"{{value:q}} has no fixed length, as months and years have none; accepted are {DURATIONS}": (
        f"{{value}} no tiene longitud fija, como no la tienen meses y años; se aceptan {DURATIONS_SPANISH}"
    ),
    f"{{value:q}} is longer than the calendar, which ends in 9999; accepted are {DURATIONS}": (
        f"{{value}} es más largo que el calendario, que acaba en 9999; se aceptan {DURATIONS_SPANISH}"
    ),
    "no time zone named {name:q}; write a name like Europe/Madrid or UTC": (
        "no hay ninguna zona horaria llamada {name}; escriba un nombre como Europe/Madrid o UTC"
    ),
    "no time zone named {name:q}": "no hay ninguna zona horaria llamada {name}",
    "{what} is not valid UTF-8: {value:q}": "{what} no es UTF-8 válido: {value}",
    "{what} contains the control character U+{code:w}: {value:q}": (
        "{what} contiene el carácter de control U+{code}: {value}"
    ),
    "the data is larger than 1 MiB; pass the path of a file instead": (
        "los datos superan 1 MiB; pase en su lugar la ruta de un fichero"
    ),
    "the data is nested deeper than {depth:n} levels": "los datos tienen más de {depth} niveles anidados",
    "the data is not valid JSON: {error:s}": "los datos no son JSON válido: {error}",
    "{what:j}: line {line:n} column {column:n} (char {place:n})": (
        "{what}: línea {line}, columna {column} (carácter {place})"
    ),
    "{name:w} is not a JSON number": "{name} no es un número JSON",
    "a key appears twice": "una clave aparece dos veces",
}
REQUESTS: Final[Mapping[str, str]] = {
    "nothing is found at this address": "no hay nada en esta dirección",
    "this address does not take that method; it takes {methods}": (
        "esta dirección no admite ese método; admite {methods}"
    ),
    "an error inside jobctl; its log says more": "un error interno de jobctl; su registro dice más",
    "the service is stopping; try again": "el servicio se está parando; inténtelo de nuevo",
    "this needs the scope {scope:w}; the token {name} does not have it": (
        "esto exige el permiso {scope}; el token {name} no lo tiene"
    ),
    "too many streams are open; try again later": "hay demasiados flujos abiertos; inténtelo más tarde",
    "too many requests are under way; try again": "hay demasiadas peticiones en curso; inténtelo de nuevo",
    "a valid token is needed, in X-TOKEN or Authorization: Bearer": (
        "hace falta un token válido, en X-TOKEN o Authorization: Bearer"
    ),
    "the form is not of this session; load the page anew": "el formulario no es de esta sesión; recargue la página",
    "requests of pages from elsewhere are refused": "se rechazan las peticiones de páginas de otro sitio",
    "the service is not known by that Host; name it with: jobctl serve --allowed-host": (
        "el servicio no se conoce por ese Host; nómbrelo con: jobctl serve --allowed-host"
    ),
    "a body has at most {size:n} bytes": "un cuerpo tiene como máximo {size} bytes",
    "the request ended before its body did": "la petición acabó antes que su cuerpo",
    "the body did not come within {seconds:n} s": "el cuerpo no llegó en {seconds} s",
    "the body is to be {kind:w}": "el cuerpo debe ser {kind}",
    "the body is not valid UTF-8": "el cuerpo no es UTF-8 válido",
    "a parameter is not percent-encoded UTF-8": "un parámetro no es UTF-8 con codificación por ciento",
    "there are more than {count:n} parameters": "hay más de {count} parámetros",
    "the parameter {name:w} is given more than once": "el parámetro {name} se da más de una vez",
    "no parameter {name:q}": "no hay ningún parámetro {name}",
    "no parameter {name:q}; there are: {names}": "no hay ningún parámetro {name}; los hay: {names}",
    "{name:w} cannot be {value:q}; it is a whole number from {least:n} to {most:n}": (
        "{name} no puede ser {value}; es un número entero de {least} a {most}"
    ),
    "text: a search has at most {count:n} characters": "text: una búsqueda tiene como máximo {count} caracteres",
    "month: {value:q} is no month; write it as 2026-12": "month: {value} no es un mes; escríbalo como 2026-12",
    "until is not after since: there is nothing between them": "until no es posterior a since: no hay nada entre ambos",
    "drawing it takes longer than {seconds:n} s; choose a shorter time, or one job": (
        "dibujarlo tarda más de {seconds} s; elija un tiempo más corto, o un trabajo"
    ),
    "looking takes longer than {seconds:n} s; choose by state, job or time as well": (
        "buscar tarda más de {seconds} s; elija también por estado, trabajo o tiempo"
    ),
}
REFUSALS: Final[Mapping[str, str]] = {**STORE, **OPERATIONS, **TEXTS, **REQUESTS}
INNER: Final[Mapping[str, str]] = {
    "cancel": "cancelar",
    "pause": "pausar",
    "resume": "reanudar",
    "postpone": "posponer",
    "rerun": "volver a ejecutar",
    "delete": "borrar",
    "delete --force": "borrar (--force)",
    "completed": "completado",
    "locked": "bloqueado",
    "suspended": "suspendido",
    "state": "Estado",
    "status": "Situación",
    "reason": "Motivo",
    "job": "Trabajo",
    "since": "Desde",
    "until": "Hasta",
    "token": "Testigo",
    "type": "Tipo",
    "owner": "Propietario",
    "tag": "Etiqueta",
    "message-name": "Iniciado por",
    "Expecting value": "falta un valor",
    "Expecting property name enclosed in double quotes": "falta un nombre de propiedad entre comillas dobles",
    "Expecting ',' delimiter": "falta el separador ','",
    "Expecting ':' delimiter": "falta el separador ':'",
    "Illegal trailing comma before end of object": "sobra una coma antes del final del objeto",
    "Illegal trailing comma before end of array": "sobra una coma antes del final de la lista",
    "Extra data": "sobran datos",
    "Unterminated string starting at": "texto sin terminar que empieza en",
    "Invalid control character at": "carácter de control no válido en",
    "Invalid \\escape": "escape no válido",
}
"""Words inside these sentences that are none alone."""
