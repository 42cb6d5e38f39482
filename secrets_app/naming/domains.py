"""The rule for allowed domains (docs/security-rules.md, "Allowed domains").

This module decides which host names may be listed and whether an entry covers a host. `hosts` normalizes names. The
egress rules of `integrations` decide which host a request goes to and whether it may be called. Matching compares
normalized names of lower-case A-labels, never the text that somebody typed.
"""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from publicsuffixlist import PublicSuffixList

from secrets_app.naming.hosts import ends_in_number, is_special_name, to_a_labels

ANY_HOST = "any host"
HOSTING_SUFFIXES = Path(__file__).with_name("hosting_suffixes.txt")
_WILDCARD = "*."


class BadDomain(Exception):  # noqa: N818 - an answer to the person who typed the entry
    """The entry cannot be an allowed domain. The message says how to fix it and does not repeat the entry."""


def clean_domain(text: str, *, operator_hosts: bool = False) -> str:
    """Return an entry in its stored form: lower-case A-labels, after `*.` for a wildcard.

    Args:
        text: the entry as it was typed.
        operator_hosts: also accept single-label and special-use names, for installations with opened networks.

    Raises:
        BadDomain: the entry is not an acceptable domain.
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
    if _suffixes().is_public(base, accept_unknown=not operator_hosts) or _is_hosting_suffix(base):
        raise BadDomain(
            "Anyone can register a name below this suffix: put your own name in front of it, as in *.yourname.co.uk."
        )
    return _WILDCARD + base


def matching_rule(domains: Sequence[str], host: str) -> str | None:
    """Return the first stored entry that covers a host, or None.

    An exact entry covers only that host; `*.base` covers names with one or more labels below `base`. IP addresses and
    names with a trailing dot are never covered.
    """
    name = to_a_labels(host)
    if name is None or ends_in_number(name):
        return None
    return next((domain for domain in domains if _covers(domain, name)), None)


def allows(domains: Sequence[str], host: str) -> bool:
    """Whether a secret with these stored domains may be sent to a host. An empty list allows any host."""
    return not domains or matching_rule(domains, host) is not None


def canonical(domains: Sequence[str]) -> str:
    """Return the one text that stands for these stored domains in any order. Values are bound to it."""
    return json.dumps(sorted(set(domains))) if domains else ANY_HOST


def _covers(domain: str, name: str) -> bool:
    if not domain.startswith(_WILDCARD):
        return name == domain
    return name.endswith(domain.removeprefix("*"))  # keeps the dot; a normalized name has no empty first label


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


def _is_hosting_suffix(base: str) -> bool:
    return not hosting_suffixes().isdisjoint({base, f"*.{base.partition('.')[2]}"})


@cache
def hosting_suffixes() -> frozenset[str]:
    """Return the names of `hosting_suffixes.txt`, which no wildcard may cover."""
    lines = (line.strip() for line in HOSTING_SUFFIXES.read_text().splitlines())
    return frozenset(line for line in lines if line and not line.startswith("#"))


@cache
def _suffixes() -> PublicSuffixList:
    """Return the packaged Public Suffix List with its private section, so `github.io` is a suffix like `co.uk`."""
    return PublicSuffixList()
