"""Errors that refuse an action on secrets. Their codes are listed in docs/api.md, "Errors"."""

from typing import Any

from accounts.errors import Invalid, Refusal


class ValueTooShort(Invalid):
    """The value has fewer than 8 characters, and the caller did not confirm that this is intended."""

    code = "value_too_short"


class ValueRequired(Invalid):
    """The allowed domains change without a new value for every environment that has one."""

    code = "value_required"


class TextTooLarge(Invalid):
    """The text to import exceeds the size limit."""


class SecretInUse(Refusal):
    """The secret has references; `references` lists them for the response."""

    code, status, title = "secret_in_use", 409, "The secret is in use"

    def __init__(self, detail: str, *, references: list[Any]) -> None:
        super().__init__(detail)
        self.references = references


class RequestAnswered(Refusal):
    """The request for a secret has already been answered."""

    code, status, title = "request_answered", 409, "Answered already"


class TooManyRequests(Refusal):
    """The person has reached the limit of open requests."""

    code, status, title = "too_many_requests", 409, "Too many open requests"


class KeyUnavailable(Refusal):
    """A sealed value cannot be opened: its key is not in the keyring, or the value does not match the key."""

    code, status, title = "key_unavailable", 409, "Key unavailable"


class NothingStaged(Refusal):
    """The secret has no staged value in this environment."""

    code, status, title = "nothing_staged", 409, "Nothing is staged"


class RollbackExpired(Refusal):
    """There is no previous value to return to, or its roll-back window is over."""

    code, status, title = "rollback_expired", 409, "Roll-back is over"
