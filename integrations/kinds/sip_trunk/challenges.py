"""Choosing among the digest challenges of a response (RFC 8760 section 2.4), for `sign`, `verify` and the check."""

from collections.abc import Sequence

from integrations.kinds.sip_trunk.login import Login
from integrations.sip import digest
from integrations.sip.digest import Challenge, MalformedDigest

MAX_OFFERED = 16
"""The most challenges of one response."""
MAX_OFFERED_LENGTH = 4 * digest.MAX_LENGTH
"""The most characters of one header, which may hold several challenges."""


def usable(offered: str | Sequence[str], login: Login) -> list[Challenge]:
    """Return the challenges that may be answered, strongest first.

    Their order is not protected against tampering, so it is ignored. Other schemes and algorithms are passed over.

    Args:
        offered: the values of the headers; each may hold several challenges, joined by comma.

    Raises:
        MalformedDigest: no challenge may be answered; the message says why not, for each reason once.
    """
    headers = [offered] if isinstance(offered, str) else offered
    texts = [text for header in headers for text in digest.split_challenges(header) or [header]]
    if len(texts) > MAX_OFFERED:
        raise MalformedDigest(f"Give at most {MAX_OFFERED} challenges.")
    found: list[Challenge] = []
    problems: list[str] = []
    for text in texts:
        try:
            found.append(_accepted(digest.read_challenge(text), login))
        except MalformedDigest as problem:
            problems.append(str(problem))
    if not found:
        raise MalformedDigest(" ".join(dict.fromkeys(problems)))
    order = list(digest.ALGORITHMS)
    return sorted(found, key=lambda challenge: (order.index(challenge.algorithm), not challenge.qop))


def readable(offered: Sequence[str]) -> list[Challenge]:
    """Return the challenges that can be read, whether or not they may be answered."""
    found = []
    for text in (text for header in offered for text in digest.split_challenges(header)):
        try:
            found.append(digest.read_challenge(text))
        except MalformedDigest:
            continue
    return found


def _accepted(challenge: Challenge, login: Login) -> Challenge:
    if login.realm is not None and challenge.realm != login.realm:
        raise MalformedDigest("The challenge is for another realm than the trunk's.")
    if challenge.algorithm not in login.algorithms:
        raise MalformedDigest(f"The trunk does not allow {challenge.algorithm}.")
    return challenge
