"""An organization may demand allowed domains for Production values (docs/threat-model.md, T7): where that is asked.

What was stored before it was demanded stays, and hygiene lists it. A roll-back is no new value: it always works.
"""

from collections.abc import Collection

from accounts.common.environments import Environment
from accounts.models import Organization

DOMAINS_NEEDED = "This organization takes a Production value only for a secret with allowed domains."
ADD_ONE = "Add at least one domain."


def lacks_domains(organization: Organization, environments: Collection[Environment], domains: Collection[str]) -> bool:
    """Whether values for these environments are refused for a secret with these allowed domains."""
    return organization.production_needs_domains and Environment.PRODUCTION in environments and not domains
