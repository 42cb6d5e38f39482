"""The rule for allowed domains (DESIGN section 4, "Allowed domains"; SECURITY section 3).

Owns which host names may be listed and whether a listed one covers a host. Which host a request really goes to, and
whether that host may be called at all, is the egress rules' business. Matching compares whole lower-case A-labels:
no suffix arithmetic on unnormalised text.
"""

import re
from collections.abc import Sequence
from functools import cache

import idna
from publicsuffixlist import PublicSuffixList

_LONGEST_NAME = 253
_WILDCARD = "*."
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_UNICODE_DOTS = frozenset("\u3002\uff0e\uff61")  # the idna package would take them for dots

# SECURITY section 3 rule 5. `home.arpa` is covered by `arpa`. `example` and `test` are ordinary names here.
_SPECIAL_USE = frozenset(
    (
        "alt",
        "arpa",
        "corp",
        "home",
        "internal",
        "intranet",
        "invalid",
        "lan",
        "local",
        "localdomain",
        "localhost",
        "onion",
        "private",
    )
)


class BadDomain(Exception):  # noqa: N818 - an answer to the person who typed it
    """Not an allowed domain; the text is a sentence that names the way out and does not repeat the entry."""


def clean_domain(text: str, *, operator_hosts: bool = False) -> str:
    """The entry as it is stored: lower-case A-labels, with its `*.` if it has one. Raises BadDomain.

    `operator_hosts` admits single-label and special-use names, for installations whose operator opened networks.
    """
    _refuse_other_syntax(text)
    base = _to_a_labels(text.removeprefix(_WILDCARD))
    if base is None:
        raise BadDomain("Enter a host name such as api.example.com or *.example.com.")
    if _ends_in_number(base):
        raise BadDomain("Enter a host name: an IP address cannot be an allowed domain.")
    if not operator_hosts and (("." not in base) or base.rpartition(".")[2] in _SPECIAL_USE):
        raise BadDomain(
            "Enter a public host name: single-label names, localhost, .local, .internal and the like are reserved."
        )
    if not text.startswith(_WILDCARD):
        return base
    if _suffixes().is_public(base, accept_unknown=not operator_hosts):
        raise BadDomain(
            "Anyone can register a name below this suffix: put your own name in front of it, as in *.yourname.co.uk."
        )
    return _WILDCARD + base


def matching_rule(domains: Sequence[str], host: str) -> str | None:
    """The first of the stored entries that covers a host, or None.

    An exact entry covers that host alone, `*.base` one or more labels below `base`. An IP address and a name with
    a trailing dot are never covered.
    """
    name = _to_a_labels(host)
    if name is None or _ends_in_number(name):
        return None
    return next((domain for domain in domains if _covers(domain, name)), None)


def allows(domains: Sequence[str], host: str) -> bool:
    """Whether a secret with these stored domains may be sent to a host. No domains means any host."""
    return not domains or matching_rule(domains, host) is not None


def _covers(domain: str, name: str) -> bool:
    if not domain.startswith(_WILDCARD):
        return name == domain
    return name.endswith(domain.removeprefix("*"))  # the dot stays, and a clean name has no empty first label


def _refuse_other_syntax(text: str) -> None:
    if "://" in text or any(mark in text for mark in "/?#\\@"):
        raise BadDomain("Enter the host alone, without scheme, path or user name.")
    if "[" in text or text.count(":") > 1:
        raise BadDomain("Enter a host name: an IP address cannot be an allowed domain.")
    if ":" in text:
        raise BadDomain("Enter the host alone, without a port.")
    if "*" in text.removeprefix(_WILDCARD):
        raise BadDomain(
            "Use “*” only once and only in front, as in *.example.com. Leave the list empty to allow any host."
        )
    if text.endswith("."):
        raise BadDomain("Remove the dot at the end.")


def _to_a_labels(host: str) -> str | None:
    """The name in lower-case A-labels (IDNA 2008, RFC 5891), or None when it is not a host name."""
    if not host or len(host) > _LONGEST_NAME or _UNICODE_DOTS.intersection(host):
        return None
    labels = [_to_a_label(label) for label in host.lower().split(".")]
    if None in labels:
        return None
    name = ".".join(label for label in labels if label)
    return name if len(name) <= _LONGEST_NAME else None


def _to_a_label(label: str) -> str | None:
    if label.isascii() and not label.startswith("xn--"):
        return label if _LABEL.fullmatch(label) and label[2:4] != "--" else None
    try:
        return idna.encode(label, uts46=False, std3_rules=True).decode()  # an A-label must decode, and back to itself
    except (idna.IDNAError, UnicodeError):
        return None


def _ends_in_number(name: str) -> bool:
    """Whether resolvers take the name for an address: `127.1`, `2130706433` and `0x7f.1` are loopback to them."""
    return _NUMBER.fullmatch(name.rpartition(".")[2]) is not None


@cache
def _suffixes() -> PublicSuffixList:
    """The packaged Public Suffix List with its private section: `github.io` is a suffix like `co.uk`."""
    return PublicSuffixList()
