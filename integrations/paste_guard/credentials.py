"""Recognizing texts that look like a credential.

This module knows the formats of keys and tokens, and a rule for long random text. It returns where a credential stands
and what it looks like, never the text itself. The caller removes placeholders first. Every search is linear in the
length of the text.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

SHORTEST_RANDOM = 24
"""In characters: from this length on, random text of two character classes has more than 100 bits."""

SHORTEST_IN_NAMED_PLACE = 8
"""In characters: under a name such as `X-Api-Key`, a text of this length counts as a credential."""

_MIXED_ONE_CASE, _MIXED_BOTH = 0.22, 0.4
"""The share of steps at which random letters and digits change their class (lower, upper, digit).

Words change their class less often, including words writtenTogetherLikeThis.
"""


@dataclass(frozen=True, slots=True)
class FoundCredential:
    """A credential between `start` and `end` of a text, and what it looks like: `an OpenAI API key`."""

    start: int
    end: int
    looks_like: str


ADDRESS = "a password in a URL"
BASIC = "a user name and password"
RANDOM = "a long random token"
NAMED = "a credential, judging by its name"
QUOTED = "a password"
UNNAMED = {ADDRESS, BASIC, RANDOM, NAMED, QUOTED}
"""Descriptions that do not say which service a credential belongs to."""

_SHAPES = [
    (looks_like, re.compile(shape, re.ASCII))
    for looks_like, shape in [
        (
            "a private key",
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:[^-]{0,20000}-----END [A-Z ]{0,40}PRIVATE KEY-----)?",
        ),
        ("a JSON Web Token", r"\beyJ[\w-]{8,}\.eyJ[\w-]{4,}\.[\w-]*"),
        ("an Anthropic API key", r"\bsk-ant-[\w-]{16,}"),
        ("an OpenRouter API key", r"\bsk-or-[\w-]{16,}"),
        ("an OpenAI API key", r"\bsk-[\w-]{16,}"),
        ("a Stripe key", r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{10,}"),
        ("a Stripe webhook secret", r"\bwhsec_[A-Za-z0-9+/=]{16,}"),
        ("an ElevenLabs API key", r"\bsk_[0-9a-f]{40,}"),
        ("a GitHub token", r"\b(?:gh[opsur]_[A-Za-z0-9]{20,}|github_pat_\w{20,})"),
        ("a GitLab token", r"\bgl(?:pat|ptt|dt|rt|cbt|soat|agent)-[\w-]{16,}"),
        ("a Slack token", r"\b(?:xox[abeoprs]|xapp)-[\w-]{10,}"),
        ("a Slack webhook", r"\bhooks\.slack\.com/services/\w{1,64}/\w{1,64}/(?P<it>\w{16,})"),
        ("an AWS access key", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
        ("a Google API key", r"\bAIza[\w-]{30,}"),
        ("a Google token", r"\b(?:ya29\.|GOCSPX-)[\w-]{16,}"),
        ("a HubSpot token", r"\bpat-(?:na|eu|ap)\d-[0-9a-f-]{32,}"),
        ("a SendGrid API key", r"\bSG\.[\w-]{16,}\.[\w-]{16,}"),
        ("a Twilio API key", r"\bSK[0-9a-f]{32}\b"),
        ("a Telnyx API key", r"\bKEY[0-9A-Za-z]{16,}_[0-9A-Za-z]{10,}"),
        ("a Cal.com API key", r"\bcal_(?:live_|test_)?[0-9a-f]{20,}"),
        ("a Hugging Face token", r"\bhf_[A-Za-z0-9]{20,}"),
        ("a Groq API key", r"\bgsk_[A-Za-z0-9]{20,}"),
        ("an xAI API key", r"\bxai-[A-Za-z0-9]{20,}"),
        ("a Perplexity API key", r"\bpplx-[A-Za-z0-9]{20,}"),
        ("a Replicate token", r"\br8_[A-Za-z0-9]{20,}"),
        ("an npm token", r"\bnpm_[A-Za-z0-9]{20,}"),
        ("a PyPI token", r"\bpypi-[\w-]{20,}"),
        ("a DigitalOcean token", r"\bdo[opr]_v1_[0-9a-f]{20,}"),
        ("a Shopify token", r"\bshp(?:at|ca|pa|ss)_[0-9A-Fa-f]{20,}"),
        ("a Notion token", r"\bntn_[A-Za-z0-9]{20,}"),
        ("a Linear API key", r"\blin_(?:api|oauth)_[A-Za-z0-9]{20,}"),
        ("an Airtable token", r"\bpat[A-Za-z0-9]{14}\.[0-9a-f]{32,}"),
        ("an Atlassian token", r"\bAT(?:ATT|BB|CTT)[\w=-]{16,}"),
        ("a Databricks token", r"\bdapi[0-9a-f]{32}"),
        ("a Mailgun key", r"\bkey-[0-9a-f]{32}\b"),
        ("a Vault token", r"\bhv[bsr]\.[\w-]{20,}"),
        ("a Doppler token", r"\bdp\.(?:pt|st|ct|sa)\.[\w.]{20,}"),
        ("a Coffer API key", r"\bcof_[A-Za-z0-9]{40,}"),
        (ADDRESS, r"""://[^\s/@:?#"'<>]{0,256}:(?P<it>[^\s/@?#"'<>]{1,256})@"""),
        (BASIC, r"\b[Bb][Aa][Ss][Ii][Cc] (?P<it>[A-Za-z0-9+/]{8,}={0,2})"),
        (
            QUOTED,
            r"(?i:password|passwd|secret|api_?key|access_?token|auth_?token)[\"']?\s{0,8}[:=]\s{0,8}"
            r"[\"'](?P<it>[^\"'{}\\\s]{8,256})[\"']",
        ),
        (
            NAMED,
            r"[?&](?i:[\w.-]{0,32}(?:token|secret|password|passwd|pwd|api[-_]?key|access[-_]?key|auth[-_]?key)|key)"
            r"=(?=[^\s&#\"'<>{}]{0,255}[0-9])(?P<it>[^\s&#\"'<>{}]{8,256})",
        ),
    ]
]
"""Descriptions and patterns. If only a part of the match is the credential, it is the group `it`."""

_RUN = re.compile(rf"[A-Za-z0-9_+=-]{{{SHORTEST_RANDOM},}}")
_RUN_WITH_SLASHES = re.compile(rf"[A-Za-z0-9_+/=-]{{{SHORTEST_RANDOM},}}")
_IDENTIFIER = re.compile(
    r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|(?:AC|CA|CN|IS|MG|MM|PN|SM|VA|ZS)[0-9a-f]{32}", re.IGNORECASE
)
"""UUIDs and Twilio's ids, which authenticate nobody."""

_CREDENTIAL_NAME = re.compile(
    r".*(?:authorization|token|secret|password|passwd|pwd|api[-_]?key|access[-_]?key|auth[-_]?key|credentials?)"
    r"|(?:.*[-_.])?key",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"(?:bearer|basic|token|apikey|api-key|key)\s+", re.IGNORECASE)
_WORD = re.compile(r"\S+")


def find(text: str, *, under: str = "") -> list[FoundCredential]:
    """Return the credentials in a text without placeholders, in order and without overlaps.

    Args:
        under: the name of the text, such as the name of its header. Under names such as `X-Api-Key` a shorter text
            counts as a credential.
    """
    taken, kept = bytearray(len(text)), []
    for found in (*_known(text), *_random(text), *_named(text, under)):
        if not any(taken[found.start : found.end]):
            taken[found.start : found.end] = b"\1" * (found.end - found.start)
            kept.append(found)
    return sorted(kept, key=lambda found: found.start)


def _known(text: str) -> Iterator[FoundCredential]:
    for looks_like, shape in _SHAPES:
        for match in shape.finditer(text):
            group = match.lastgroup or 0
            if looks_like != BASIC or _is_basic(match[group]):
                yield FoundCredential(*match.span(group), looks_like)


def _is_basic(encoded: str) -> bool:
    """Return whether a text decodes to `user:password` (RFC 7617)."""
    try:
        return b":" in base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return False


def _random(text: str) -> Iterator[FoundCredential]:
    is_path = "://" in text or text.startswith("/")
    for match in (_RUN if is_path else _RUN_WITH_SLASHES).finditer(text):
        if not _IDENTIFIER.fullmatch(match[0]) and _is_random(match[0]):
            yield FoundCredential(*match.span(), RANDOM)


def _is_random(run: str) -> bool:
    classes = ["0" if sign.isdigit() else "a" if sign.islower() else "A" for sign in run if sign.isalnum()]
    changes = sum(first != second for first, second in pairwise(classes))
    needed = _MIXED_BOTH if {"a", "A"} <= set(classes) else _MIXED_ONE_CASE
    return len(classes) >= SHORTEST_RANDOM and classes.count("0") > 1 and changes >= needed * len(classes)


def _named(text: str, under: str) -> Iterator[FoundCredential]:
    """Yield the credential under a telling name: the single word of the text, after a scheme such as `Bearer`."""
    if not _CREDENTIAL_NAME.fullmatch(under):
        return
    scheme = _SCHEME.match(text)
    word = _WORD.fullmatch(text.rstrip(), scheme.end() if scheme else 0)
    if word and len(word[0]) >= SHORTEST_IN_NAMED_PLACE and any(sign.isdigit() for sign in word[0]):
        yield FoundCredential(*word.span(), NAMED)
