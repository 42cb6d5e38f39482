"""Notes about raw credentials in the form of an integration."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.urls import reverse

from accounts.actors import Actor
from accounts.errors import FieldError, Invalid
from integrations.models import Integration
from integrations.paste_guard import detection, guard
from integrations.paste_guard.detection import Pasted
from integrations.web.forms.base import IntegrationForm, Values

NAME_FIELD = "secret_name:"
"""The prefix of fields with the name for a secret; the key of the finding follows."""


@dataclass(frozen=True, slots=True)
class PastedNote:
    """A raw credential: the field that contains it, the name for its secret, and the field for that name."""

    found: Pasted
    control: str
    secret_name: str
    name_field: str


def of_form(
    form: IntegrationForm,
    values: Values,
    integration: Integration | None,
    *,
    sent: Mapping[str, str] | None = None,
) -> list[PastedNote]:
    """Return the raw credentials that saving these fields would add; none while they are invalid.

    Args:
        sent: the POST data with the names for the secrets.
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
    """Return the address to which a form sends its fields for notes, and to save a credential as a secret."""
    if integration:
        return reverse("integration-pasted", args=[actor.organization.slug, integration.id])
    return reverse("integration-new-pasted", args=[actor.organization.slug, kind])


def _control(form: IntegrationForm, found: Pasted, values: Values) -> str:
    return form.errors([FieldError(found.field, "")], values)[0].field
