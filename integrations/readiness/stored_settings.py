"""A finding of the hygiene page: secrets of actions whose answers may repeat what is stored at the service.

Whoever may run such an action could read there what another run stored. Masking finds values that Coffer knows; an
action that passes on chosen fields, or the status alone, shows nothing else either.
"""

from typing import Any

from django.db.models import Exists, OuterRef, TextField, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce

from accounts.models import Organization
from integrations.exchange.returns import PassedOn
from integrations.models import Integration
from secrets_app.hygiene.findings import RISK, Finding, Fix
from secrets_app.querysets import SecretQuerySet

_SETTINGS = (
    r"/(settings?|config(uration)?s?|web_?-?hooks?|hooks|credentials?|(api_?-?)?keys|tokens?|secrets?"
    r"|env(ironment)?s?|integrations?|connections?)(/|$)"
)


def _select(secrets: SecretQuerySet, organization: Organization) -> SecretQuerySet:
    everything = PassedOn.EVERYTHING.value
    reads = Integration.objects.filter(
        references__secret=OuterRef("pk"),
        organization=organization,
        kind="api_action",
        enabled=True,
        config__method__iexact="GET",
        config__path__iregex=_SETTINGS,
    ).alias(passed_on=Coalesce(KT("config__returns__type"), Value(everything), output_field=TextField()))
    return secrets.filter(Exists(reads.filter(passed_on=everything)))


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
