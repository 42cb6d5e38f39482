"""A finding of the hygiene page: secrets of actions whose answers may repeat what is stored at the service.

Whoever may run such an action could read there what another run stored. Masking finds values that Coffer knows; an
action that passes on chosen fields, or the status alone, shows nothing else either.
"""

from typing import Any

from django.db.models import Exists, OuterRef, TextField
from django.db.models.functions import Cast

from accounts.models import Organization
from integrations.models import SecretReference
from secrets_app.hygiene.findings import RISK, Finding, Fix
from secrets_app.querysets import SecretQuerySet

_READS_SETTINGS = (
    r'"path": ?"[^"]*/(settings?|config(uration)?s?|web_?-?hooks?|hooks|credentials?|(api_?-?)?keys|tokens?|secrets?'
    r'|env(ironment)?s?|integrations?|connections?)/?["/{]'
)
_SAYS_LESS = r'"returns": ?\{[^}]*"type": ?"(fields|status)"'


def _select(secrets: SecretQuerySet, organization: Organization) -> SecretQuerySet:
    uses = SecretReference.objects.filter(
        secret=OuterRef("pk"), organization=organization, integration__kind="api_action", integration__enabled=True
    ).annotate(config=Cast("integration__config", TextField()))
    reads = uses.filter(config__iregex=r'"method": ?"GET"').filter(config__iregex=_READS_SETTINGS)
    return secrets.filter(Exists(reads.exclude(config__iregex=_SAYS_LESS)))


def _describe(_secret: Any) -> str:
    return "An action that uses it reads settings of the service and passes on the whole answer."


RETURNED_SETTINGS = Finding(
    "returned-settings",
    RISK,
    "Answers that may repeat stored settings",
    "Whoever may run the action sees what was stored at the service. Pass on chosen fields, or the status alone.",
    Fix("See where it is used", "secret-where-used"),
    _select,
    _describe,
)
