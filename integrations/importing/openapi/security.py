"""Security schemes of a description as drafts of auth connectors, and which of them an operation uses."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urljoin

from integrations.importing import texts
from integrations.importing.drafts import DraftScheme
from integrations.importing.found import FoundSecrets, is_telling
from integrations.importing.nodes import as_list, as_object, as_text
from integrations.importing.schemes import SchemeMaker

AUTHORIZATION = "authorization"
MOST_SCHEMES = 20
_PERSONAL = "Coffer signs nobody in: enter a token that you got yourself, or choose a connector of your own."
_MAY_NEED_A_WORD = "If the API wants a word before the credential, such as Token, enter it as part of the value."
_PREFIX = re.compile(r"\b(Bearer|Token|Basic|ApiKey|Api-Key)\b[ :]{1,3}[<{\[\"'`$A-Za-z]")
_TOKEN = re.compile(r"(?:access[-_]?)?token|authorization", re.IGNORECASE)
"""Names of parameters that repeat the credential of a scheme."""
_IN_QUERY = frozenset({"api_key", "apikey", "api-key", "access_token", "auth_token"})

Scheme = Mapping[str, Any]


class Security:
    """The schemes of a description, by their names, and the requirements of operations."""

    def __init__(self, schemes: Mapping[str, Scheme], address: str, prefix: str) -> None:
        """Make a draft of each scheme.

        Args:
            address: the base URL, for token URLs that are relative to it.
            prefix: how proposed names of secrets start.
        """
        self._maker, self._address = SchemeMaker(FoundSecrets(prefix)), address
        self.drafts = {name: self._draft(name, scheme) for name, scheme in list(schemes.items())[:MOST_SCHEMES]}
        self._uses: Counter[str] = Counter()

    def count(self, requirements: object) -> None:
        """Count what an operation uses, so that all operations prefer the same scheme."""
        for alternative in _alternatives(requirements):
            self._uses.update(alternative.keys())

    def needs(self, requirements: object) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the schemes that an operation sends together, and the scopes that it needs."""
        known = [each for each in _alternatives(requirements) if each and each.keys() <= self.drafts.keys()]
        if not known:
            return (), ()
        chosen = max(known, key=self._preference)
        scopes = [scope for listed in chosen.values() if isinstance(listed, list) for scope in listed]
        return tuple(chosen), tuple(scope for scope in scopes if isinstance(scope, str))

    def _preference(self, alternative: Mapping[str, Any]) -> tuple[bool, int, int, bool]:
        """Return how good an alternative is.

        It is one that Coffer can send, that many operations use, and that is small; a token is better than a user name
        and a password.
        """
        drafts = [self.drafts[name] for name in alternative]
        is_usable = not any(each.problem for each in drafts)
        is_token = all(each.config.get("type") == "bearer" and not each.note for each in drafts)
        return is_usable, min(self._uses[name] for name in alternative), -len(alternative), is_token

    def of_parameters(self, parameters: Iterable[Mapping[str, Any]], needs: Sequence[str]) -> tuple[str, ...]:
        """Return the schemes of credentials that a description declares as parameters.

        Args:
            needs: the schemes that the operation names; a parameter that one of them sends is none of its own.
        """
        own = [each for each in parameters if is_credential(each)]
        if needs:
            sent = {header for name in needs for header in headers_of(self.drafts[name].config)}
            own = [each for each in own if _is_needed_beside(each, sent)]
        return tuple(dict.fromkeys(self._of_parameter(each) for each in own))

    def _of_parameter(self, parameter: Mapping[str, Any]) -> str:
        name, place = parameter["name"], parameter["in"]
        said = parameter.get("description")
        declared = [key for key, draft in self.drafts.items() if _is_sent_by(draft, place, name, _word_in(said))]
        if declared:
            return declared[0]
        key = f"{place} {name}"
        self.drafts[key] = self._draft(key, {"type": "apiKey", "in": place, "name": name, "description": said})
        return key

    def _draft(self, key: str, scheme: Scheme) -> DraftScheme:
        kind, spoken = as_text(scheme.get("type")), as_text(scheme.get("scheme")).lower()
        if kind == "http" and spoken == "basic":
            return self._maker.basic(key)
        if kind == "http" and spoken in {"bearer", "token", ""}:
            return self._maker.bearer(key)
        if kind == "apiKey" and isinstance(scheme.get("name"), str):
            return self._api_key(key, scheme)
        if kind in {"oauth2", "openIdConnect"}:
            return self._oauth(key, scheme)
        shown = texts.plain(spoken or kind, 40) or "unknown"
        return DraftScheme(key, shown, problem=f"Coffer cannot send this kind of credential: {shown}.")

    def _api_key(self, key: str, scheme: Scheme) -> DraftScheme:
        name, place = scheme["name"], scheme.get("in")
        if place == "cookie":
            return self._maker.cookie(key, name)
        if name.lower() == AUTHORIZATION:
            word = _word_in(scheme.get("description"))
            if word in {"Bearer", "Basic"}:
                return self._maker.bearer(key) if word == "Bearer" else self._maker.basic(key)
            return self._maker.prefixed(key, name, word, note="" if word else _MAY_NEED_A_WORD)
        return self._maker.api_key(key, name, place="query" if place == "query" else "header")

    def _oauth(self, key: str, scheme: Scheme) -> DraftScheme:
        flow = as_object(as_object(scheme.get("flows")).get("clientCredentials"))
        token_url = flow.get("tokenUrl")
        if isinstance(token_url, str) and (address := urljoin(f"{self._address}/", token_url)).startswith("http"):
            return self._maker.oauth(key, address)
        return self._maker.bearer(key, role="access token", note=_PERSONAL)


def headers_of(config: Mapping[str, Any]) -> set[str]:
    """Return the names, in lower case, under which a connector sends its credential."""
    return {str(config.get("name", AUTHORIZATION)).lower()} if config else set()


def _is_sent_by(draft: DraftScheme, place: str, name: str, word: str) -> bool:
    """Return whether a scheme sends the credential that a parameter is, with the word before it that is known."""
    config = draft.config
    if place == "query" or config.get("in") == "query":
        return config.get("in") == place and config.get("name") == name
    return name.lower() in headers_of(config) and word in draft.label


def _word_in(description: object) -> str:
    """Return the word that a description shows before the credential: `Token` of `Token <key>`."""
    found = _PREFIX.search(str(description or ""))
    return found[1] if found else ""


def is_credential(parameter: Mapping[str, Any]) -> bool:
    """Return whether a parameter is a credential, judging by its name."""
    name, place = parameter["name"], parameter.get("in")
    return (place == "header" and is_telling(name)) or (place == "query" and name.lower() in _IN_QUERY)


def _is_needed_beside(parameter: Mapping[str, Any], sent: set[str]) -> bool:
    name = parameter["name"]
    return parameter.get("required") is True and name.lower() not in sent and not _TOKEN.fullmatch(name)


def _alternatives(requirements: object) -> list[Mapping[str, Any]]:
    return [as_object(each) for each in as_list(requirements)]
