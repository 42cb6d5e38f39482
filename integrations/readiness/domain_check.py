"""Which secrets may go to a host, for an action that is still being written. Opens nothing and calls nothing."""

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
    """Whether one secret may go to the host; no `domains` means any host."""

    name: str
    exists: bool
    allowed: bool
    domains: list[str]
    host: str


def check_domains(
    organization: Organization, names: Iterable[str], base_url: str, schemes: frozenset[str] = WEB
) -> list[DomainCheck] | None:
    """One answer for each name, in the order given, of the first `CHECKED_AT_MOST`.

    Returns:
        None while the URL leads nowhere: nothing can be said yet.
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
