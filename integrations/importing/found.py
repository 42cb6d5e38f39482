"""Credentials found in a text that is imported: each gets the name of a secret, by the rules of the paste guard."""

import base64
import binascii
import re

from integrations.importing import texts
from integrations.importing.drafts import DraftSecret
from integrations.paste_guard import credentials
from integrations.templating.placeholders import MalformedPlaceholder, Part, SecretPlaceholder, parse
from secrets_app.plaintext import Plaintext

_TELLING = re.compile(
    r".*(?:token|secret|passw(?:or)?d|pwd|api[-_]?key|access[-_]?key|auth[-_]?key|credentials?)|authorization|key",
    re.IGNORECASE,
)
_NO_CREDENTIAL = re.compile(r".*(?:page|next|continuation|sync|cursor|idempotency|csrf|xsrf).*", re.IGNORECASE)
_STANDS_FOR_ONE = re.compile(
    r"<[^<>]{1,80}>|\[[^\[\]]{1,80}\]|\*{3,}|x{3,}|\.{3}|…|(?:your|my|insert|replace|enter)[-_ ].{0,80}"
    r"|.{0,60}[-_](?:here|goes[-_]here|token|key|secret|password)|(?-i:\$?\{?[A-Z]+(?:_[A-Z0-9]+)+\}?)",
    re.IGNORECASE,
)
"""What documentation writes in place of a credential: `YOUR_API_KEY`, `<token>`."""


class FoundSecrets:
    """The credentials of one text, by value, so that one that stands twice is one secret."""

    def __init__(self, prefix: str) -> None:
        """Start without any.

        Args:
            prefix: how proposed names start.
        """
        self.prefix = prefix
        self.secrets: list[DraftSecret] = []
        self._by_value: dict[str, DraftSecret] = {}

    def is_credential(self, value: str, under: str) -> bool:
        """Return whether a text holds a credential, seen under this name."""
        return bool(credentials.find(value, under=under)) or (is_telling(under) and _names_one(value))

    def of_variable(self, name: str, value: str) -> str:
        """Return the placeholder of a secret for a variable; empty if it is none."""
        if not is_telling(name) and not credentials.find(value, under=name):
            return ""
        return self.placeholder(name, f"Variable {name}", "" if _names_one(value) else value)

    def hide(self, text: str, under: str, place: str) -> str:
        """Return a text in which placeholders stand for its credentials."""
        if is_telling(under) and _names_one(text):
            return self.placeholder(under, place, "")
        return "".join(
            self._hidden(part, under, place) if isinstance(part, str) else str(part) for part in _parts(text)
        )

    def _hidden(self, text: str, under: str, place: str) -> str:
        parts, end = [], 0
        for found in credentials.find(text, under=under):
            known = found.looks_like not in credentials.UNNAMED
            role = found.looks_like.partition(" ")[2] if known and under in {"path", "body"} else under
            value = text[found.start : found.end]
            parts += [text[end : found.start], self.placeholder(role, place, value)]
            end = found.end
        return "".join([*parts, text[end:]])

    def placeholder(self, role: str, place: str, value: str) -> str:
        """Return the placeholder of the secret with this value, which is new if no other one has it."""
        found = self._by_value.get(value)
        if found is None:
            name = self._free(texts.secret_name(self.prefix, role))
            found = DraftSecret(name, place, Plaintext(value) if value else None)
            self.secrets.append(found)
        if value:
            self._by_value[value] = found
        return str(SecretPlaceholder(found.name))

    def _free(self, name: str) -> str:
        taken = {each.name.lower() for each in self.secrets}
        names = [name, *(f"{name}{number}" for number in range(2, len(taken) + 3))]
        return next(each for each in names if each.lower() not in taken)


def is_telling(name: str) -> bool:
    """Return whether a name says that a credential stands under it."""
    return bool(_TELLING.fullmatch(name)) and not _NO_CREDENTIAL.fullmatch(name)


def _names_one(value: str) -> bool:
    """Return whether a text stands for a credential that has to be filled in."""
    return not value.strip() or bool(_STANDS_FOR_ONE.fullmatch(value.strip()))


def _parts(text: str) -> tuple[Part, ...]:
    """Return the literals and placeholders of a text; the text alone if it holds a malformed placeholder."""
    try:
        return parse(text).parts
    except MalformedPlaceholder:
        return (text,)


def without_stand_in(value: str) -> str:
    """Return a credential; empty if the text only stands for one."""
    return "" if _names_one(value) else value.strip()


def user_and_password(encoded: str) -> tuple[str, str] | None:
    """Return user and password of a `Basic` header; None if it is not one."""
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if colon else None
