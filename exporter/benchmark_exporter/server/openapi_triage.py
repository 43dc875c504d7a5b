"""The routes about the states of regressions, for the API's description."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmark_exporter.server.triage_requests import SELECTION_FIELDS

Json = dict[str, Any]

_WHICH = {
    "since_commit": "Only regressions whose last good run was of this commit.",
}


def triage_paths(listed: Json, asked: Json, html: Json, refusals: Mapping[str, Json]) -> Json:
    """The paths of the API and of the page.

    `listed` is the answer with regressions, `asked` the schema of what a program says, `html` the
    answer with a page, and `refusals` are answers by their status.
    """

    def refused(*codes: str) -> Json:
        return {code: refusals[code] for code in codes}

    form: Json = {"schema": {"type": "object", "required": ["state", "form_token"]}}
    written = ("400", "401", "403", "408", "413", "415", "503")
    return {
        "/api/v1/triage": {
            "get": {
                "summary": "The open regressions and their states.",
                "parameters": list(_selection()),
                "responses": {"200": listed, **refused("400", "401", "403", "503")},
            },
            "post": {
                "summary": "Gives regressions a state; docs/triage.md.",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": asked}},
                },
                "security": [{"triage": []}],
                "responses": {"200": listed, **refused(*written)},
            },
        },
        "/triage": {
            "get": {
                "summary": "The page that confirms a state. It changes nothing.",
                "parameters": [*_selection(), _text("said", "The state that was just given.")],
                "responses": {"200": html, **refused("400", "401", "403", "503")},
            },
            "post": {
                "summary": "Takes the page's form.",
                "parameters": list(_selection()),
                "requestBody": {
                    "required": True,
                    "content": {"application/x-www-form-urlencoded": form},
                },
                "responses": {
                    "303": {"description": "It was recorded; back to the page."},
                    **refused(*written),
                },
            },
        },
    }


def _selection() -> Sequence[Json]:
    return [
        _text(name, _WHICH.get(name, f"Only regressions of this {name}."))
        for name in SELECTION_FIELDS
    ]


def _text(name: str, description: str) -> Json:
    return {
        "name": name,
        "in": "query",
        "description": description,
        "schema": {"type": "string"},
    }
