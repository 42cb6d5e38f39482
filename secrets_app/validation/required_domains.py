"""The rule that an organization may require allowed domains for values (docs/threat-model.md, T7): for those of
Production, or for every value.

Values stored before the rule was switched on stay, and the hygiene page lists them. A roll-back always works, because
it stores no new value.
"""

from collections.abc import Collection

from accounts.common.environments import Environment
from accounts.models import Organization

ADD_ONE = "Add at least one domain."


def domains_needed(organization: Organization) -> str:
    """Return the rule as a sentence."""
    values = "values" if organization.every_value_needs_domains else "Production values"
    return f"This organization accepts {values} only for secrets with allowed domains."


def lacks_domains(organization: Organization, environments: Collection[Environment], domains: Collection[str]) -> bool:
    """Whether the rule refuses new values in these environments for a secret with these allowed domains."""
    if domains or not organization.production_needs_domains:
        return False
    return bool(environments) if organization.every_value_needs_domains else Environment.PRODUCTION in environments
