"""Digest authentication in SIP (RFC 2617, 7616, 8760): parsing challenges and credentials, computing answers.

The grammar of both headers is applied strictly. Nonce counts are kept in `integrations.broker.memory.nonces`, so that
no two answers to a nonce have the same count. Error messages never quote the input.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

ALGORITHMS: Mapping[str, str] = {"SHA-512-256": "sha512_256", "SHA-256": "sha256", "MD5": "md5"}
"""The algorithms by their name in the header, strongest first, with hashlib's names. `-sess` variants are unused."""
LEGACY = "MD5"
"""The algorithm of a challenge that names none, and the only one answered without qop (RFC 2617 section 3.2.1)."""
MAX_LENGTH = 4096
"""The longest challenge or answer that is parsed, in characters."""

_MAX_PART = 1024
_WORD = r"[A-Za-z0-9!#$%&'*+.^_`|~-]"
_QUOTED = r'(?:[^"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f])*'
_SCHEME = re.compile(r"[ \t]*digest[ \t]+", re.IGNORECASE)
_PARAMETER = re.compile(rf'[ \t]*({_WORD}+)[ \t]*=[ \t]*(?:"({_QUOTED})"|({_WORD}+))[ \t]*(?:,|\Z)')
_ESCAPED = re.compile(r"\\(.)")
_BEGINS = re.compile(rf"{_WORD}+(?:[ \t]+(?![ \t=]).*)?", re.DOTALL)
"""The first part of a challenge: a scheme, and what follows it unless that is “=”."""
_PIECE = re.compile(rf'(?:[^",]|"{_QUOTED}"|".*)+', re.DOTALL)
"""The text up to a comma outside quotes. A quote that is never closed takes the rest, so that it is read once."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_COUNT = re.compile(r"[0-9a-fA-F]{8}")
_HEX = re.compile(r"[0-9a-fA-F]+")


class MalformedDigest(ValueError):  # noqa: N818 - named like the refusals
    """A header cannot be parsed as digest authentication; the message is a sentence for the sender."""


class UnsupportedDigest(MalformedDigest):
    """A well-formed header uses something that is not supported."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """A digest challenge.

    Attributes:
        names_algorithm: whether it names its algorithm; MD5 is the default.
        qop: whether it offers qop `auth`.
    """

    realm: str
    nonce: str
    algorithm: str = LEGACY
    names_algorithm: bool = False
    qop: bool = False
    opaque: str | None = None
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Credentials:
    """The credentials of a client. `count` and `cnonce` are None without qop."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: str = LEGACY
    count: str | None = None
    cnonce: str | None = None


def is_available(algorithm: str) -> bool:
    """Return whether this Python can compute the algorithm; SHA-512/256 depends on OpenSSL."""
    return ALGORITHMS[algorithm] in hashlib.algorithms_available


def split_challenges(text: str) -> list[str]:
    """Return the challenges that are joined by comma in one header, unread (RFC 7235 section 4.1)."""
    found: list[str] = []
    for piece in (match[0].strip(" \t") for match in _PIECE.finditer(text)):
        if found and not _BEGINS.fullmatch(piece):
            found[-1] = f"{found[-1]}, {piece}" if piece else found[-1]
        else:
            found.append(piece)
    return found


def read_challenge(text: str) -> Challenge:
    """Parse the value of `WWW-Authenticate` or `Proxy-Authenticate`.

    Of the offered qop values only `auth` is used; others are ignored (RFC 7616 section 3.3). Without qop only MD5 is
    answered.

    Raises:
        UnsupportedDigest: the algorithm or qop is not supported.
        MalformedDigest: the text is not a digest challenge, too long, or repeats a parameter.
    """
    found = _parameters(text)
    if not found.get("nonce") or "realm" not in found:
        raise MalformedDigest("A digest challenge names a realm and a nonce.")
    algorithm = _algorithm(found.get("algorithm"))
    offered = [word.strip().lower() for word in found["qop"].split(",")] if "qop" in found else None
    if offered is not None and "auth" not in offered:
        raise UnsupportedDigest("The challenge does not offer qop “auth”, the only one that Coffer answers.")
    if offered is None and algorithm != LEGACY:
        raise UnsupportedDigest("Only MD5 is answered without qop (RFC 7616 section 3.3).")
    return Challenge(
        realm=found["realm"],
        nonce=found["nonce"],
        algorithm=algorithm,
        names_algorithm="algorithm" in found,
        qop=offered is not None,
        opaque=found.get("opaque"),
        stale=found.get("stale", "").lower() == "true",
    )


def read_credentials(text: str) -> Credentials:
    """Parse the value of `Authorization` or `Proxy-Authorization`.

    Raises:
        UnsupportedDigest, MalformedDigest: as `read_challenge`.
    """
    found = _parameters(text)
    missing = {"username", "realm", "nonce", "uri", "response"} - found.keys()
    if missing:
        raise MalformedDigest("Digest credentials name a user name, a realm, a nonce, a URI and a response.")
    if not _HEX.fullmatch(found["response"]):
        raise MalformedDigest("The response is a hexadecimal number.")
    qop = found.get("qop")
    if qop is not None and qop.lower() != "auth":
        raise UnsupportedDigest("Only qop “auth” is supported.")
    if qop is not None and (not _COUNT.fullmatch(found.get("nc", "")) or not found.get("cnonce")):
        raise MalformedDigest("With qop, give a nonce count of eight hexadecimal digits and a client nonce.")
    return Credentials(
        username=found["username"],
        realm=found["realm"],
        nonce=found["nonce"],
        uri=found["uri"],
        response=found["response"].lower(),
        algorithm=_algorithm(found.get("algorithm")),
        count=found["nc"] if qop is not None else None,
        cnonce=found["cnonce"] if qop is not None else None,
    )


def secret_half(algorithm: str, *, username: str, realm: str, password: str) -> str:
    """Return HA1. Within its realm it is equivalent to the password, so it is masked and never sent."""
    return _hash(algorithm, f"{username}:{realm}:{password}")


def response_to(
    challenge: Challenge, *, ha1: str, method: str, uri: str, count: str | None = None, cnonce: str | None = None
) -> str:
    """Return the response. `count` and `cnonce` are required exactly if the challenge has qop."""
    ha2 = _hash(challenge.algorithm, f"{method}:{uri}")
    middle = f"{challenge.nonce}:{count}:{cnonce}:auth" if challenge.qop else challenge.nonce
    return _hash(challenge.algorithm, f"{ha1}:{middle}:{ha2}")


def authorization(
    challenge: Challenge, *, username: str, ha1: str, method: str, uri: str, count: int, cnonce: str
) -> str:
    """Return the value of the header that answers a challenge. Without qop, `count` and `cnonce` are not used."""
    nc = f"{count:08x}"
    response = response_to(challenge, ha1=ha1, method=method, uri=uri, count=nc, cnonce=cnonce)
    parts = [
        f"username={quoted(username)}",
        f"realm={quoted(challenge.realm)}",
        f"nonce={quoted(challenge.nonce)}",
        f"uri={quoted(uri)}",
        f"response={quoted(response)}",
        *([f"algorithm={challenge.algorithm}"] if challenge.names_algorithm else []),
        *([f"opaque={quoted(challenge.opaque)}"] if challenge.opaque is not None else []),
        *(["qop=auth", f"nc={nc}", f"cnonce={quoted(cnonce)}"] if challenge.qop else []),
    ]
    return "Digest " + ", ".join(parts)


def is_answered_by(challenge: Challenge, given: Credentials, *, username: str, ha1: str, method: str, uri: str) -> bool:
    """Return whether credentials answer exactly this challenge, for this user, method and URI.

    Credentials without qop do not answer a challenge that offers it, because an attacker could have removed it.
    """
    expected = response_to(challenge, ha1=ha1, method=method, uri=uri, count=given.count, cnonce=given.cnonce)
    same = (
        given.username == username
        and (given.realm, given.nonce, given.uri) == (challenge.realm, challenge.nonce, uri)
        and given.algorithm == challenge.algorithm
        and (given.cnonce is not None) == challenge.qop
    )
    return hmac.compare_digest(expected, given.response) and same


def nonce_hash(nonce: str) -> str:
    """Return the hash under which records identify a nonce."""
    return hashlib.sha256(nonce.encode()).hexdigest()


def quoted(text: str) -> str:
    """Return a quoted string (RFC 3261 section 25.1).

    Raises:
        ValueError: the text contains a control character, which cannot be escaped.
    """
    if _CONTROL.search(text):
        raise ValueError("a quoted string holds no control characters")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _parameters(text: str) -> dict[str, str]:
    """Return the parameters by lower-case name, with quotes and escapes removed."""
    if len(text) > MAX_LENGTH:
        raise MalformedDigest(f"The header is longer than {MAX_LENGTH} characters.")
    scheme = _SCHEME.match(text)
    if not scheme:
        raise MalformedDigest("This is not digest authentication, which begins with “Digest”.")
    found: dict[str, str] = {}
    position = scheme.end()
    while position < len(text):
        match = _PARAMETER.match(text, position)
        if not match:
            raise MalformedDigest('The parameters cannot be read: write name=value or name="value", with commas.')
        name, value = match[1].lower(), match[3] if match[2] is None else _ESCAPED.sub(r"\1", match[2])
        if name in found:
            raise MalformedDigest("A parameter is repeated.")
        if len(value) > _MAX_PART:
            raise MalformedDigest(f"A parameter is longer than {_MAX_PART} characters.")
        found[name] = value
        position = match.end()
    return found


def _algorithm(named: str | None) -> str:
    if named is None:
        return LEGACY
    found = next((algorithm for algorithm in ALGORITHMS if algorithm.lower() == named.lower()), None)
    if found is None or not is_available(found):
        raise UnsupportedDigest(f"The algorithm is not supported. Supported are: {', '.join(ALGORITHMS)}.")
    return found


def _hash(algorithm: str, text: str) -> str:
    return hashlib.new(ALGORITHMS[algorithm], text.encode(), usedforsecurity=False).hexdigest()
