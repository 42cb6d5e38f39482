"""Why a text is withheld, with what to do next."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a text is withheld (docs/api.md, "Running")."""

    VALUE = "value_found"
    SHORT_VALUE = "short_value"
    NOT_CHECKED = "not_checked"
    ENCODING = "unknown_encoding"
    COMPRESSED = "compressed"
    STATUS_ALONE = "status_alone"
    NOT_JSON = "not_json"
    TOO_LARGE = "response_too_large"
    BROKEN_OFF = "response_unreadable"
    TOO_SLOW = "upstream_timeout"

    @property
    def sentence(self) -> str:
        """The reason in words, with what to do next."""
        return _SENTENCES[self]

    def as_json(self) -> dict[str, str]:
        """Return the reason for the API."""
        return {"code": self.value, "message": self.sentence}


_SENTENCES = {
    Reason.VALUE: "It contains the value of a secret in a form that cannot be cut out. "
    "Call the upstream so that it does not return credentials.",
    Reason.SHORT_VALUE: "The call uses a value under 8 characters, which cannot be masked, so only the status is "
    "passed on. Use a longer value, mark the secret as an identifier if it may be seen, or name the fields to return.",
    Reason.NOT_CHECKED: "It could not be searched for secrets within its limits of work and time. "
    "Ask the upstream for less, or for fewer layers of encoding.",
    Reason.ENCODING: "It is in a content encoding that cannot be read, so it could not be searched for secrets.",
    Reason.COMPRESSED: "It is compressed or an archive, so it could not be searched for secrets.",
    Reason.STATUS_ALONE: "The integration passes on the status of an answer and nothing else.",
    Reason.NOT_JSON: "The integration passes on chosen fields of a JSON body, and this body is not JSON or does not "
    "have them. Ask an owner or admin to correct the expression.",
    Reason.TOO_LARGE: "The upstream answered with this status, but its body is larger than the limit. Do not repeat a "
    "call that succeeded; ask an owner or admin to raise max_response_bytes of the action.",
    Reason.BROKEN_OFF: "The upstream answered with this status, but its body broke off. Do not repeat a call that "
    "succeeded.",
    Reason.TOO_SLOW: "The upstream answered with this status, but its body did not arrive within the time limit. Do "
    "not repeat a call that succeeded.",
}
