"""How the requests of a Postman collection sign in, as drafts of auth connectors."""

from collections.abc import Mapping, Sequence
from typing import Any

from accounts.common.fields import write_json
from integrations.importing import texts
from integrations.importing.drafts import DraftScheme
from integrations.importing.found import FoundSecrets, is_telling
from integrations.importing.nodes import as_list, as_object, as_text
from integrations.importing.samples import VARIABLE
from integrations.importing.schemes import COOKIE, SchemeMaker
from integrations.paste_guard import credentials

Node = Mapping[str, Any]

_WORDS = {"bearer": "Bearer token", "basic": "User and password", "apikey": "API key", "oauth2": "OAuth 2"}
_TELLING_APART = ("token", "username", "password", "key", "value", "in", "accessToken", "clientId", "clientSecret")
"""Settings by which credentials differ; scopes and addresses of sign-in pages are none of them."""


class Authorizations:
    """The schemes of a collection; requests that sign in alike share one."""

    def __init__(self, secrets: FoundSecrets, variables: Mapping[str, str]) -> None:
        """Start without schemes.

        Args:
            secrets: receives the credentials.
            variables: the values of the collection's variables.
        """
        self.schemes: dict[str, DraftScheme] = {}
        self._maker, self._variables, self._keys = SchemeMaker(secrets), variables, dict[str, str]()

    def of_headers(
        self, auth: Node, headers: Sequence[tuple[str, str]]
    ) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
        """Return the headers that hold no credential, and the schemes of a request."""
        needs, kept = [self._of_auth(auth)], []
        for name, value in headers:
            if name.lower() != COOKIE.lower() and not is_telling(name) and not credentials.find(value, under=name):
                kept.append((name, value))
            elif value.strip():
                needs.append(self._of_header(name, value))
        return kept, tuple(dict.fromkeys(key for key in needs if key))

    def _of_header(self, name: str, value: str) -> str:
        identity = f"{name.lower()} {value}"
        if identity not in self._keys:
            key = self._free(f"Header {texts.plain(name, 60)}")
            self._keys[identity] = key
            word, blank, _ = value.strip().partition(" ")
            filled = self._value(value) or (f"{word} …" if blank and not VARIABLE.search(word) else "")
            self.schemes[key] = self._maker.of_header(key, name, filled)
        return self._keys[identity]

    def _of_auth(self, auth: Node) -> str:
        kind = as_text(auth.get("type"))
        if kind in {"", "noauth"}:
            return ""
        settings = _settings(auth.get(kind))
        identity = write_json([kind, *(settings.get(name, "") for name in _TELLING_APART)])
        if identity not in self._keys:
            key = self._free(_WORDS.get(kind, kind))
            self._keys[identity] = key
            self.schemes[key] = self._scheme(key, kind, settings)
        return self._keys[identity]

    def _scheme(self, key: str, kind: str, settings: Mapping[str, str]) -> DraftScheme:
        values = {name: self._value(value) for name, value in settings.items()}
        if kind == "bearer":
            return self._maker.bearer(key, values.get("token", ""))
        if kind == "basic":
            return self._maker.basic(key, values.get("username", ""), values.get("password", ""))
        if kind == "apikey":
            place = "query" if values.get("in") == "query" else "header"
            return self._maker.api_key(key, values.get("key") or "X-Api-Key", values.get("value", ""), place=place)
        if kind == "oauth2":
            return self._oauth(key, values)
        shown = texts.plain(kind, 40)
        return DraftScheme(key, shown, problem=f"Coffer cannot sign in this way: {shown}.")

    def _oauth(self, key: str, values: Mapping[str, str]) -> DraftScheme:
        url = values.get("accessTokenUrl", "")
        if values.get("grant_type") == "client_credentials" and url.startswith("http"):
            return self._maker.oauth(
                key, url, values.get("scope", ""), client_id=values.get("clientId", ""),
                secret=values.get("clientSecret", ""),
            )  # fmt: skip
        return self._maker.bearer(key, values.get("accessToken", ""), role="access token")

    def _value(self, text: str) -> str:
        """Return a text with its variables filled in; empty if one of them has no value."""
        filled = VARIABLE.sub(lambda match: self._variables.get(match[1], match[0]), text)
        return "" if VARIABLE.search(filled) else filled

    def _free(self, key: str) -> str:
        names = [key, *(f"{key} {number}" for number in range(2, len(self.schemes) + 3))]
        return next(each for each in names if each not in self.schemes)


def _settings(node: object) -> dict[str, str]:
    """Return the settings of an authorization: a list of keys and values in 2.1, an object in 2.0."""
    listed = map(as_object, as_list(node))
    pairs = {as_text(each.get("key")): each.get("value") for each in listed} or as_object(node)
    return {name: value for name, value in pairs.items() if isinstance(value, str)}
