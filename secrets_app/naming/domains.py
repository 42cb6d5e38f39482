"""The rule for allowed domains (docs/security-rules.md, "Allowed domains").

Owns which host names may be listed and whether a listed one covers a host. How a name is spelt is `hosts.py`; which
host a request really goes to, and whether that host may be called at all, is the egress rules' business. Matching
compares whole lower-case A-labels: no suffix arithmetic on unnormalised text.
"""

from collections.abc import Sequence
from functools import cache

from publicsuffixlist import PublicSuffixList

from secrets_app.naming.hosts import ends_in_number, is_special_name, to_a_labels

_WILDCARD = "*."


class BadDomain(Exception):  # noqa: N818 - an answer to the person who typed it
    """Not an allowed domain; the text is a sentence that names the way out and does not repeat the entry."""


def clean_domain(text: str, *, operator_hosts: bool = False) -> str:
    """The entry as it is stored: lower-case A-labels, with its `*.` if it has one. Raises BadDomain.

    `operator_hosts` admits single-label and special-use names, for installations whose operator opened networks.
    """
    _refuse_other_syntax(text)
    base = to_a_labels(text.removeprefix(_WILDCARD))
    if base is None:
        raise BadDomain("Enter a host name such as api.example.com or *.example.com.")
    if ends_in_number(base):
        raise BadDomain("Enter a host name: an IP address cannot be an allowed domain.")
    if not operator_hosts and is_special_name(base):
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
    name = to_a_labels(host)
    if name is None or ends_in_number(name):
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


@cache
def _suffixes() -> PublicSuffixList:
    """The packaged Public Suffix List with its private section: `github.io` is a suffix like `co.uk`."""
    return PublicSuffixList()
