"""The part of the OpenAPI document for those who run the service."""

from __future__ import annotations

from typing import Final

from jobctl.model import JsonDict
from jobctl.web.openapi import answer, error, ref

TAGS: Final = ["Operation"]


def schemas() -> JsonDict:
    return {"Error": error(), "Health": HEALTH, "Unavailable": UNAVAILABLE}


HEALTH: Final[JsonDict] = {
    "type": "object",
    "required": ["status", "daemon"],
    "additionalProperties": False,
    "properties": {"status": {"const": "ok"}, "daemon": {"enum": ["running", "absent"]}},
}
UNAVAILABLE: Final[JsonDict] = {
    "type": "object",
    "required": ["status"],
    "additionalProperties": False,
    "properties": {"status": {"const": "unavailable"}},
}


def paths() -> JsonDict:
    unwell = {"anyOf": [ref("Unavailable"), ref("Error")]}
    health = {
        "tags": TAGS,
        "summary": "Whether it is well",
        "description": "For probes, without a token: whether the store can be read, and whether a daemon is at work.",
        "responses": {
            "200": answer("The store can be read.", ref("Health")),
            "503": answer("The store cannot be read, or too many requests are under way.", unwell)
            | {"headers": {"Retry-After": {"schema": {"type": "integer"}}}},
        },
    }
    figures = {
        "tags": TAGS,
        "summary": "Figures for Prometheus",
        "description": "What waits and runs by state, the queue's age, the daemon's presence, how the newest ended.",
        "responses": {"200": answer("In Prometheus' text format.", {"type": "string"}, "text/plain")},
    }
    this = {
        "tags": TAGS,
        "summary": "This document",
        "responses": {"200": answer("OpenAPI 3.1.", {"type": "object", "required": ["openapi", "info", "paths"]})},
    }
    return {"/healthz": {"get": health}, "/metrics": {"get": figures}, "/openapi.json": {"get": this}}
