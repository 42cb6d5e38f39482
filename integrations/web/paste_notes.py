"""The notes about raw credentials in the form of an integration (the paste guard)."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.urls import reverse

from accounts.actors import Actor
from accounts.errors import FieldError, Invalid
from integrations.models import Integration
from integrations.paste_guard import detection, guard
from integrations.paste_guard.detection import Pasted
from integrations.web.forms.base import Form, Values

NAME_FIELD = "secret_name:"
"""The field with the name for a secret, before the key of its finding."""


@dataclass(frozen=True, slots=True)
class PastedNote:
    """One raw credential: the control that it stands in, the name for its secret, and the field for that name."""

    found: Pasted
    control: str
    secret_name: str
    name_field: str


def of_form(
    form: Form,
    values: Values,
    integration: Integration | None,
    *,
    sent: Mapping[str, str] | None = None,
) -> list[PastedNote]:
    """The raw credentials that saving these fields would add; none while they are no configuration at all.

    Args:
        sent: the POST, with the names for the secrets as they were typed.
    """
    try:
        config = form.config(values, integration.config if integration else {})
    except Invalid:
        return []
    found = detection.find(values["name"], values["description"], config)
    known = guard.find(integration) if integration else []
    return [
        PastedNote(
            found=each,
            control=_control(form, each, values),
            secret_name=(sent or {}).get(NAME_FIELD + each.key, each.proposed_name).strip(),
            name_field=f"secret_name-{number}",
        )
        for number, each in enumerate(detection.new_since(found, known))
    ]


def url(actor: Actor, kind: str, integration: Integration | None) -> str:
    """Where a form asks about raw credentials, and sends one to become a secret."""
    if integration:
        return reverse("integration-pasted", args=[actor.organization.slug, integration.id])
    return reverse("integration-new-pasted", args=[actor.organization.slug, kind])


def _control(form: Form, found: Pasted, values: Values) -> str:
    return form.errors([FieldError(found.field, "")], values)[0].field
