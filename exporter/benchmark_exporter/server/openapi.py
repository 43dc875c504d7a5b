"""The description of the HTTP API, in OpenAPI 3.1. The answers' schemas are those of our types."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from benchmark_exporter import __version__
from benchmark_exporter.diff.diff import Diff
from benchmark_exporter.diff.sides import GRAMMAR
from benchmark_exporter.ledger import ChangePoint
from benchmark_exporter.ledger.pages import ResultItem, RunItem
from benchmark_exporter.ledger.triage_rows import TriagedRegression
from benchmark_exporter.server.openapi_parameters import (
    filters,
    number_from,
    scrape,
    text_of,
    times,
)
from benchmark_exporter.server.openapi_triage import triage_paths
from benchmark_exporter.server.refusal import Refusal
from benchmark_exporter.server.status import Status
from benchmark_exporter.server.triage_requests import TriageRequest
from benchmark_exporter.server.upload import Receipt
from benchmark_exporter.server.upload_parameters import PARAMETERS

Json = dict[str, Any]

_TYPES = (
    *(ChangePoint, Diff, Receipt, Refusal, ResultItem, RunItem, Status),
    *(TriagedRegression, TriageRequest),
)
_REFS, _COMPONENTS = msgspec.json.schema_components(
    _TYPES, ref_template="#/components/schemas/{name}"
)
_REF_OF: Mapping[type, Json] = dict(zip(_TYPES, _REFS, strict=True))

_WHY = {
    "400": "The query or the body is wrong; the text says what.",
    "401": "The credential, token or signature is missing or wrong.",
    "403": "A page of another origin, or a name that is not known as this machine's, is refused.",
    "404": "There is no such page.",
    "408": "The body took too long.",
    "413": "The body is too large.",
    "415": "The body has a type or an encoding that is not accepted.",
    "429": "This sender sends too often.",
    "503": "Not now; retry later.",
}
_EVERY = ("401", "403", "503")
_CURSOR = {"type": ["string", "null"], "description": "The cursor of the next page, if any."}


def describe(limits: Mapping[str, tuple[int, int]]) -> Json:
    """The whole description.

    `limits` has the default and the maximum of each number in the queries, by path and name.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "benchmark-exporter",
            "version": __version__,
            "description": "Reads are limited in time and size. Who is answered, and with what "
            "credential, is in docs/security.md.",
        },
        "paths": _merged(_texts(), _reads(limits), _writes(), _triage()),
        "components": {
            "schemas": _COMPONENTS,
            "securitySchemes": {
                "stack": {"type": "http", "scheme": "bearer", "description": "The credential."},
                "upload": {"type": "http", "scheme": "bearer", "description": "An upload token."},
                "triage": {"type": "http", "scheme": "bearer", "description": "A triage token."},
                "github": {"type": "apiKey", "in": "header", "name": "X-Hub-Signature-256"},
            },
        },
        "security": [{}, {"stack": []}],
    }


def _merged(*parts: Json) -> Json:
    """All paths; one may be read by one method and written by another."""
    paths: Json = {}
    for part in parts:
        for path, methods in part.items():
            paths[path] = {**paths.get(path, {}), **methods}
    return paths


def _texts() -> Json:
    return {
        "/metrics": _get("The metrics, as text.", "text/plain", scrape(), wrong=("400",)),
        "/-/healthy": _get("Whether the exporter works.", "text/plain"),
        "/-/ready": _get("Whether it has scanned the results folder.", "text/plain"),
    }


def _reads(limits: Mapping[str, tuple[int, int]]) -> Json:
    change_limit = number_from("limit", limits["changes.limit"], "How many changes.")
    changes = [*filters("commit"), *times(), change_limit]
    page = [text_of("cursor", "The next_cursor of the page before.")]

    def runs_page(name: str) -> Sequence[Json]:
        limit = number_from("limit", limits[f"{name}.limit"], f"How many {name}.")
        return [*filters("commit"), *times(), limit, *page]

    diff = [
        text_of("base", f"The side to compare with: {GRAMMAR}.", required=True),
        text_of("head", "The side to compare, likewise.", required=True),
        *(each for each in filters() if each["name"] != "branch"),
        number_from("runs", limits["diff.runs"], "Of each place, so many of a side's newest runs."),
        {
            "name": "detect",
            "in": "query",
            "description": "A change that is smaller for certain is the same.",
            "schema": {
                "type": "number",
                "exclusiveMinimum": 0,
                "exclusiveMaximum": 1,
                "default": 0.02,
            },
        },
        number_from("limit", limits["diff.limit"], "How many results."),
        *page,
    ]
    return {
        "/api/v1/status": _read("The exporter, its newest runs and alerts.", _REF_OF[Status]),
        "/api/v1/changes": _read(
            "Where the level of results changed, newest first.", _list(ChangePoint), changes
        ),
        "/api/v1/runs": _read("Runs, newest first.", _page("runs", RunItem), runs_page("runs")),
        "/api/v1/results": _read(
            "Results of runs, newest first.", _page("results", ResultItem), runs_page("results")
        ),
        "/api/v1/diff": _read(
            "How head differs from base.",
            {
                "allOf": [
                    _REF_OF[Diff],
                    {"properties": {"next_cursor": _CURSOR}, "required": ["next_cursor"]},
                ]
            },
            diff,
        ),
        "/api/v1/openapi.json": _read("This description.", {"type": "object"}),
    }


def _writes() -> Json:
    message = {"type": "object", "required": ["alerts"], "properties": {"alerts": _alerts()}}
    sidecar = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in PARAMETERS]
    body: Json = {"required": True, "content": {"application/json": {"schema": {}}}}
    receipt = _answer("Accepted.", "application/json", _REF_OF[Receipt])
    ignored = {"type": "object", "required": ["ignored"]}
    refused = ("400", "401", "403", "408", "413", "415", "429", "503")
    return {
        "/api/v1/alerts": {
            "post": {
                "summary": "Counts alerts; Alertmanager's webhook, version 4.",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": message}},
                },
                "responses": {
                    "200": _answer("Counted.", "text/plain", {"type": "string"}),
                    **_refusals("400", "401", "403", "408", "413", "415", "503"),
                },
            }
        },
        "/api/v1/results": {
            "post": {
                "summary": "Uploads a document; docs/upload.md.",
                "parameters": sidecar,
                "requestBody": body,
                "security": [{"upload": []}],
                "responses": {"200": receipt, "201": receipt, **_refusals(*refused)},
            },
        },
        "/api/v1/github": {
            "post": {
                "summary": "Takes a delivery of GitHub's webhook; docs/ci.md.",
                "requestBody": body,
                "security": [{"github": []}],
                "responses": {
                    "200": _answer(
                        "Accepted before, or ignored.",
                        "application/json",
                        {"anyOf": [_REF_OF[Receipt], ignored]},
                    ),
                    "201": receipt,
                    **_refusals(*refused),
                },
            }
        },
    }


def _triage() -> Json:
    return triage_paths(
        _answer("The regressions.", "application/json", _list(TriagedRegression)),
        _REF_OF[TriageRequest],
        _answer("The page.", "text/html", {"type": "string"}),
        _refusals(*_WHY),
    )


def _get(
    summary: str, kind: str, parameters: Sequence[Json] = (), *, wrong: Sequence[str] = ()
) -> Json:
    return {
        "get": {
            "summary": summary,
            "parameters": list(parameters),
            "responses": {
                "200": _answer("The page.", kind, {"type": "string"}),
                **_refusals(*wrong, *_EVERY),
            },
        }
    }


def _read(summary: str, schema: Json, parameters: Sequence[Json] = ()) -> Json:
    wrong = ("400",) if parameters else ()
    return {
        "get": {
            "summary": summary,
            "parameters": list(parameters),
            "responses": {
                "200": _answer("The answer.", "application/json", schema),
                **_refusals(*wrong, *_EVERY),
            },
        }
    }


def _refusals(*codes: str) -> Json:
    """Answers that say why not, as text or as JSON."""
    answers: Json = {}
    for code in sorted(codes):
        answers[code] = _answer(_WHY[code], "text/plain", {"type": "string"})
        answers[code]["content"]["application/json"] = {"schema": _REF_OF[Refusal]}
    return answers


def _answer(description: str, kind: str, schema: Json) -> Json:
    return {"description": description, "content": {kind: {"schema": schema}}}


def _list(kind: type) -> Json:
    return {"type": "array", "items": _REF_OF[kind]}


def _page(name: str, kind: type) -> Json:
    return {
        "type": "object",
        "required": [name, "next_cursor"],
        "properties": {name: _list(kind), "next_cursor": _CURSOR},
    }


def _alerts() -> Json:
    texts = {"type": "object", "additionalProperties": {"type": "string"}}
    alert = {
        "type": "object",
        "required": ["status", "labels", "annotations", "fingerprint"],
        "properties": {
            "status": {"enum": ["firing", "resolved"]},
            "labels": texts,
            "annotations": texts,
            "fingerprint": {"type": "string"},
        },
    }
    return {"type": "array", "items": alert}
