"""Finds integrations whose references contradict their configuration, for the operator.

References are derived in the transaction that saves a configuration, so a difference comes from a hand in the database
or from a restored part of it. Pages and lists show such an integration as one that fails.
"""

from collections.abc import Iterator

from accounts.errors import Refusal
from integrations.inheritance import parsed
from integrations.kinds import KINDS
from integrations.models import Integration

CHUNK = 500


def inconsistencies() -> Iterator[str]:
    """Return a sentence for each integration that contradicts its references, or whose configuration is unusable."""
    integrations = Integration.objects.select_related("organization").prefetch_related("references__secret")
    for integration in integrations.order_by("pk").iterator(chunk_size=CHUNK):
        if wrong := _wrong(integration):
            yield f"The integration {integration.name} of {integration.organization.slug} {wrong}"


def _wrong(integration: Integration) -> str:
    try:
        slots = KINDS[integration.kind].slots(parsed(integration))
    except (Refusal, KeyError):
        return "has a configuration that cannot be used. Delete it, and create it again."
    named = {(slot.path, name) for slot in slots for name in slot.template.secret_names}
    references = list(integration.references.all())
    rows = {(row.slot, row.name) for row in references}
    if missing := named - rows:
        return f"names the secret {min(missing)[1]} without a row for its reference. Open it, change it and save it."
    if left_over := rows - named:
        return f"has a reference to {min(left_over)[1]}, which it does not name. Open it, change it and save it."
    for row in references:
        if row.secret and (row.secret.name, row.secret.organization_id) != (row.name, integration.organization_id):
            return f"uses another secret under the name {row.name}. Open it, change it and save it."
    return ""
