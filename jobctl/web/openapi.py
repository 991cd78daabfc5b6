"""The OpenAPI document (3.1) of what programs may ask: the parts of the dialects, and jobctl's own addresses.

The Monitor page is for people, and is not in it.
"""

from __future__ import annotations

from typing import Final

import jobctl
from jobctl.model import JsonDict
from jobctl.web import etendo_openapi
from jobctl.web.azure import openapi as azure
from jobctl.web.dataverse import openapi as dataverse
from jobctl.web.describing import TEXT, answer, error_schema, reference, refusals

ADDRESS: Final = "/openapi.json"
TOKENS: Final[JsonDict] = {
    "token": {"type": "apiKey", "in": "header", "name": "X-TOKEN"},
    "bearer": {"type": "http", "scheme": "bearer"},
}
TAGS: Final = ["Operation"]


def document() -> JsonDict:
    parts = (etendo_openapi, dataverse, azure)
    paths: JsonDict = _own()
    schemas: JsonDict = {"Error": error_schema(), "Health": _health()}
    for part in parts:
        paths |= part.paths()
        schemas |= part.schemas()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "jobctl",
            "version": jobctl.__version__,
            "description": "Etendo RX, Dataverse and Azure Scheduler over the same jobs.",
        },
        "security": [{name: []} for name in TOKENS],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": TOKENS},
    }


def _own() -> JsonDict:
    health = {
        "tags": TAGS,
        "summary": "Whether it is well, for probes",
        "security": [],
        "responses": {
            "200": answer("The store can be read.", reference("Health")),
            "503": answer("It cannot.", reference("Health")),
        },
    }
    figures = answer("Prometheus' text format.", TEXT, "text/plain")
    described = answer("This document.", {"type": "object"})
    return {
        "/healthz": {"get": health},
        "/metrics": {"get": _get("Figures for Prometheus", figures)},
        ADDRESS: {"get": _get("What can be asked", described)},
    }


def _get(summary: str, done: JsonDict) -> JsonDict:
    return {"tags": TAGS, "summary": summary, "responses": {"200": done, **refusals("Error")}}


def _health() -> JsonDict:
    status = {"type": "string", "enum": ["ok", "unavailable"]}
    daemon = {"type": "string", "enum": ["running", "absent"]}
    return {"type": "object", "required": ["status"], "properties": {"status": status, "daemon": daemon}}
