"""A caller of the API, who checks with each answer that the OpenAPI document promised its status code."""

import json
import re
from functools import cache
from typing import Any

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpResponse
from django.test import Client

from config.api.application import api
from tests.integrations.conftest import inline  # noqa: F401 - used by the tests of runs
from tests.things import key_for

BASE = "/api/v1"


@cache
def documented() -> list[tuple[str, re.Pattern[str], set[int]]]:
    """Method, path and promised status codes of each operation."""
    return [
        (
            method.upper(),
            re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path) + r"\Z"),
            {int(code) for code in found["responses"]},
        )
        for path, methods in api.get_openapi_schema()["paths"].items()
        for method, found in methods.items()
    ]


class Caller:
    """Makes calls with one API key; `path` is below `/api/v1`."""

    def __init__(self, key: str | None) -> None:
        self._client = Client(raise_request_exception=False)
        self._headers = {"authorization": f"Bearer {key}"} if key else {}

    def call(
        self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str
    ) -> HttpResponse:
        """One call; `body` is sent as JSON, `raw` as it is."""
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        response = self._client.generic(
            method, BASE + path, data, content_type="application/json", headers=self._headers | names
        )
        self._check(method, path.partition("?")[0], response)
        return response

    def get(self, path: str, **headers: str) -> Any:
        """The JSON of a call that has to work."""
        return self._json("GET", path, None, **headers)

    def post(self, path: str, body: Any) -> Any:
        """The JSON of a call that has to work."""
        return self._json("POST", path, body)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        """The JSON of a call that has to work."""
        return self._json("PATCH", path, body, **headers)

    def problem(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, str]:
        """Status and code of a call that has to be refused, its document having every member."""
        response = self.call(method, path, body, **more)
        document = response.json()
        assert response.headers["Content-Type"] == "application/problem+json"
        assert document["type"] == f"urn:coffer:problem:{document['code']}"
        assert document["status"] == response.status_code
        assert document["title"]
        assert document["detail"]
        return response.status_code, document["code"]

    def errors(self, method: str, path: str, body: Any = None, **more: Any) -> list[str]:
        """The fields that a 422 names, each with a sentence."""
        response = self.call(method, path, body, **more)
        assert response.status_code == 422, response.content
        assert all(error["message"].endswith((".", "?", "”.")) for error in response.json()["errors"])
        return [error["field"] for error in response.json()["errors"]]

    def _json(self, method: str, path: str, body: Any, **headers: str) -> Any:
        response = self.call(method, path, body, **headers)
        assert response.status_code in {200, 201}, response.content
        assert response.headers["Content-Type"].startswith("application/json")
        return response.json()

    @staticmethod
    def _check(method: str, path: str, response: HttpResponse) -> None:
        """Promised code, no cache, no sniffing, no cookie."""
        found = [codes for verb, pattern, codes in documented() if verb == method and pattern.match(BASE + path)]
        if found:
            assert response.status_code in found[0], (method, path, response.status_code, response.content)
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in response.headers


@pytest.fixture
def caller(owner) -> Caller:
    """A program with every scope, in every environment."""
    return Caller(key_for(owner))


@pytest.fixture
def stranger(outsider) -> Caller:
    """The same in another organization."""
    return Caller(key_for(outsider))


def when(moment) -> str | None:
    """A moment as the API writes it."""
    return json.loads(json.dumps(moment, cls=DjangoJSONEncoder))
