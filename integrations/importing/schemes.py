"""Drafts of auth connectors: a bearer token, an API key, a user name and password, or OAuth 2 client credentials."""

from collections.abc import Mapping
from typing import Any

from integrations.importing.drafts import DraftScheme, DraftSecret
from integrations.importing.found import FoundSecrets, user_and_password, without_stand_in

COOKIE = "Cookie"


class SchemeMaker:
    """Makes schemes, and the secrets that they need."""

    def __init__(self, secrets: FoundSecrets) -> None:
        """Start without schemes.

        Args:
            secrets: receives the credentials.
        """
        self.secrets = secrets

    def bearer(self, key: str, value: str = "", *, role: str = "token", note: str = "") -> DraftScheme:
        """Return a scheme that sends `Authorization: Bearer …`."""
        config = {"type": "bearer", "token": self._filled(role, key, value)}
        return self._scheme(key, "Authorization: Bearer …", config, note)

    def prefixed(self, key: str, name: str, word: str, value: str = "", *, note: str = "") -> DraftScheme:
        """Return a scheme that sends a header with a word before the credential, as in `Token …`, or without one."""
        before = f"{word} " if word else ""
        config = _api_key(name, f"{before}{self._filled('token', key, value)}")
        return self._scheme(key, f"{name}: {before}…", config, note)

    def api_key(self, key: str, name: str, value: str = "", *, place: str = "header", role: str = "") -> DraftScheme:
        """Return a scheme that sends a header or a query parameter of this name."""
        label = f"{name}: …" if place == "header" else f"?{name}=…"
        config = {"type": "api_key", "in": place, "name": name, "value": self._filled(role or name, key, value)}
        return self._scheme(key, label, config)

    def cookie(self, key: str, name: str, *, role: str = "") -> DraftScheme:
        """Return a scheme that sends a cookie of this name."""
        value = f"{name}={self._filled(role or name, key, '')}"
        config = {"type": "api_key", "in": "header", "name": COOKIE, "value": value}
        return self._scheme(key, f"{COOKIE}: {name}=…", config)

    def basic(self, key: str, user: str = "", password: str = "") -> DraftScheme:
        """Return a scheme that sends `Authorization: Basic …`. The user name is no secret if it is known."""
        has_password = bool(password) or not user
        config = {
            "type": "basic",
            "username": self.secrets.hide(user, "username", f"{key}, user name")
            if user
            else self._filled("username", f"{key}, user name", ""),
            "password": self._filled("password", f"{key}, password", password) if has_password else "",
        }
        return self._scheme(key, "Authorization: Basic …", config)

    def oauth(self, key: str, token_url: str, scope: str = "", *, client_id: str = "", secret: str = "") -> DraftScheme:
        """Return a scheme that fetches a token with client credentials."""
        config = {
            "type": "oauth2_client_credentials",
            "token_url": token_url,
            "client_id": client_id or self._filled("client id", f"{key}, client id", ""),
            "client_secret": self._filled("client secret", f"{key}, client secret", secret),
            "scope": scope,
        }
        return self._scheme(key, "OAuth 2: Authorization: Bearer …", config)

    def of_header(self, key: str, name: str, value: str) -> DraftScheme:
        """Return the scheme of a header that holds a credential: its scheme is kept, the rest becomes a secret."""
        word, _, rest = value.strip().partition(" ")
        if name.lower() == "authorization" and rest.strip():
            if word.lower() == "bearer":
                return self.bearer(key, rest)
            pair = user_and_password(rest) if word.lower() == "basic" else None
            if pair:
                return self.basic(key, *pair)
            return self.prefixed(key, name, word, rest)
        return self.api_key(key, name, value)

    def _filled(self, role: str, place: str, value: str) -> str:
        """Return the text of a credential: a placeholder, or what a variable already stands for."""
        if value.strip().startswith("{secrets."):
            return value.strip()
        return self.secrets.placeholder(role, place, without_stand_in(value))

    def _scheme(self, key: str, label: str, config: Mapping[str, Any], note: str = "") -> DraftScheme:
        text = str(dict(config))
        needed = tuple(each for each in self.secrets.secrets if _names(text, each))
        return DraftScheme(key, label, config, needed, note=note)


def _names(text: str, secret: DraftSecret) -> bool:
    return f"{{secrets.{secret.name}}}" in text


def _api_key(name: str, text: str) -> dict[str, str]:
    return {"type": "api_key", "in": "header", "name": name, "value": text}
