"""Refusals about secrets, with the codes of API.md."""

from typing import Any

from accounts.errors import Invalid, Refusal


class ValueTooShort(Invalid):
    """Under 8 characters, and nobody said that this is meant."""

    code = "value_too_short"


class ValueRequired(Invalid):
    """The allowed domains change, but not every environment that has a value got a new one."""

    code = "value_required"


class TextTooLarge(Invalid):
    """The text of an import is larger than an import may be."""


class SecretInUse(Refusal):
    """References exist; `references` lists them for the answer."""

    code, status, title = "secret_in_use", 409, "The secret is in use"

    def __init__(self, detail: str, *, references: list[Any]) -> None:
        super().__init__(detail)
        self.references = references
