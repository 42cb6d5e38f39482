"""The rule that an organization may require allowed domains for Production values (docs/threat-model.md, T7).

Values stored before the rule was switched on stay, and the hygiene page lists them. A roll-back always works, because
it stores no new value.
"""

from collections.abc import Collection

from accounts.common.environments import Environment
from accounts.models import Organization

DOMAINS_NEEDED = "This organization accepts Production values only for secrets with allowed domains."
ADD_ONE = "Add at least one domain."


def lacks_domains(organization: Organization, environments: Collection[Environment], domains: Collection[str]) -> bool:
    """Whether the rule refuses new values in these environments for a secret with these allowed domains."""
    return organization.production_needs_domains and Environment.PRODUCTION in environments and not domains
