"""Reading the answer of a token endpoint (RFC 6749 section 5), as loosely as services write it.

Messages quote nothing of an answer but the error codes of section 5.2. What else the endpoint says is masked by the
broker like any response of the run, and then added: on one line, shortened, and only if all of it could be searched.
"""

import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qsl

from integrations.broker.masking import Answer, BodyType
from integrations.broker.tokens.oauth_tokens import KEPT_WITHOUT_EXPIRY, Grant
from integrations.errors import TokenRefused
from integrations.exchange.messages import UpstreamResponse
from secrets_app.plaintext import Plaintext

_KNOWN_ERRORS = {
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
}
_TOKEN = re.compile(r"[!-~](?:[ -~]*[!-~])?")
"""Visible ASCII with inner spaces. RFC 6750 section 2.1 allows fewer characters."""
_BEARER = {"bearer", "bearertoken"}
"""Types of a token that is sent as `Bearer`, however they are written; one without a type is taken as such."""
_NOT_LETTERS = re.compile(r"[\s_-]")
_SAYING = re.compile(
    r"(?!.*(?:id|uri|url|link)$)(?:.*(?:err|message|msg|description|reason|detail|fault|summary).*|code|title)"
)
"""Members in which services say what is wrong, in lower case and without underscores."""
_DEEPEST, _MOST_WORDS = 4, 20
MOST_CHARACTERS = 300
_PLAIN_TEXT = ((b"content-type", b"text/plain; charset=utf-8"),)


def read_grant(response: UpstreamResponse, host: str) -> Grant:
    """Read the token in the response of a token endpoint.

    Raises:
        TokenRefused: there is no usable token; the detail names the host and a known error code.
    """
    answer = _members(response)
    token, kind, said = answer.get("access_token"), answer.get("token_type"), _said(answer)
    if not response.is_success or (said and not token):
        raise _refused(response, host, said)
    if not isinstance(token, str) or not _TOKEN.fullmatch(token.strip()):
        raise TokenRefused(f"The response of {host} contains no usable access token.")
    if kind and _NOT_LETTERS.sub("", str(kind)).lower() not in _BEARER:
        problem = f"{host} issued a token that is not of the type Bearer."
        raise TokenRefused(problem, host=host, said=str(kind).encode("utf-8", "replace"))
    return Grant(Plaintext(token.strip()), _seconds(answer.get("expires_in")))


def _refused(response: UpstreamResponse, host: str, said: list[str]) -> TokenRefused:
    code = next((word for word in said if word in _KNOWN_ERRORS), "")
    why = f": {code}" if code else "" if response.is_success else f" with status {response.status}"
    words = b"" if said == [code] else ": ".join(said).encode("utf-8", "replace")
    sentence = f"{host} did not issue a token{why}. Check client id, client secret and scope."
    return TokenRefused(sentence, host=host, said=words)


def _members(response: UpstreamResponse) -> dict[str, object]:
    """Return the members of the answer, which a few services write as a form; none if it is neither."""
    media_type = next((value.lower() for name, value in response.headers if name.lower() == b"content-type"), b"")
    try:
        if b"x-www-form-urlencoded" in media_type:
            return dict(parse_qsl(response.body.decode()))
        answer = json.loads(response.body, parse_int=_integer)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _said(answer: dict[str, object]) -> list[str]:
    """Return what the endpoint says is wrong, without repetitions."""
    return list(dict.fromkeys(_words(answer, 0)))[:_MOST_WORDS]


def _words(node: object, depth: int) -> Iterator[str]:
    if isinstance(node, str):
        yield from filter(None, [node.strip()])
    elif isinstance(node, int | float) and not isinstance(node, bool):
        yield str(node)
    elif isinstance(node, list | dict) and depth < _DEEPEST:
        for child in node if isinstance(node, list) else _saying(node):
            yield from _words(child, depth + 1)


def _saying(members: dict[str, object]) -> list[object]:
    return [child for name, child in members.items() if _SAYING.fullmatch(name.replace("_", "").lower())]


def _integer(digits: str) -> float:
    """Parse an integer; Python refuses to read one with thousands of digits."""
    return int(digits) if len(digits) < 300 else float(digits)  # noqa: PLR2004 - fits a float as well


def _seconds(stated: object) -> float:
    """Return `expires_in`, which some servers send as a text; without a usable number, `KEPT_WITHOUT_EXPIRY`."""
    if isinstance(stated, bool) or not isinstance(stated, int | float | str):
        return KEPT_WITHOUT_EXPIRY
    try:
        seconds = float(stated)
    except ValueError:
        return KEPT_WITHOUT_EXPIRY
    return seconds if seconds > 0 else KEPT_WITHOUT_EXPIRY


def as_response(refusal: TokenRefused) -> UpstreamResponse | None:
    """Return the words of an endpoint as a text response, which begins like no JSON; None if they are not passed on.

    Words with control or invisible characters are withheld: without them, they may read as a value.
    """
    words = " ".join(refusal.said.decode("utf-8", "replace").split())
    if not words or not words.isprintable():
        return None
    return UpstreamResponse(None, b"", _PLAIN_TEXT, f"“{words}”".encode(), True)


def in_words(refusal: TokenRefused, masked: Answer | None) -> TokenRefused:
    """Return the refusal with what the endpoint said in its sentence.

    Args:
        masked: what it said, masked; None if that cannot be passed on.
    """
    if not refusal.said.strip():
        return TokenRefused(refusal.detail)
    if masked is None or masked.body_type is not BodyType.TEXT:
        return TokenRefused(f"{refusal.detail} What it said is withheld.")
    words = masked.body[1:-1]
    shown = words if len(words) <= MOST_CHARACTERS else f"{words[: MOST_CHARACTERS - 1]}…"
    return TokenRefused(f"{refusal.detail} It answered: “{shown}”.")
