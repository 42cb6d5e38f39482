"""Refusals about secrets, with the codes of docs/api.md, "Errors"."""

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


class RequestAnswered(Refusal):
    """Somebody answered this request for a secret already."""

    code, status, title = "request_answered", 409, "Answered already"


class TooManyRequests(Refusal):
    """One person has as many open requests as one may have."""

    code, status, title = "too_many_requests", 409, "Too many open requests"


class KeyUnavailable(Refusal):
    """The key of a sealed value is not in the keyring, or the value does not open with it."""

    code, status, title = "key_unavailable", 409, "Key unavailable"


class NothingStaged(Refusal):
    """There is no staged value in this environment."""

    code, status, title = "nothing_staged", 409, "Nothing is staged"


class RollbackExpired(Refusal):
    """No previous value to go back to, or its window is over."""

    code, status, title = "rollback_expired", 409, "Roll-back is over"
