"""Comparing the allowed domains of secrets with the host of an unsaved integration. Nothing is decrypted or called."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from accounts.errors import Refusal
from accounts.models import Organization
from integrations.egress import configuration
from integrations.egress.destinations import WEB
from integrations.egress.policy import admit_url
from secrets_app.models import Secret
from secrets_app.naming.domains import allows

CHECKED_AT_MOST = 100


@dataclass(frozen=True, slots=True)
class DomainCheck:
    """Whether a secret may be sent to the host. Without `domains` it may be sent to any host."""

    name: str
    exists: bool
    allowed: bool
    domains: list[str]
    host: str


def check_domains(
    organization: Organization, names: Iterable[str], base_url: str, schemes: frozenset[str] = WEB
) -> list[DomainCheck] | None:
    """Compare the allowed domains of secrets with the host of a URL.

    Args:
        names: the secrets; only the first `CHECKED_AT_MOST` are compared.

    Returns:
        a result for each name in the given order; None while Coffer may not call the URL.
    """
    try:
        host = admit_url(base_url, configuration.policy(), schemes).raw_host or ""
    except Refusal:
        return None
    wanted = list(islice(dict.fromkeys(names), CHECKED_AT_MOST))
    rows = Secret.objects.of(organization).filter(name__in=wanted).values_list("name", "allowed_domains")
    domains: dict[str, list[str]] = dict(rows)
    return [
        DomainCheck(name, name in domains, allows(domains.get(name, []), host), domains.get(name, []), host)
        for name in wanted
    ]
