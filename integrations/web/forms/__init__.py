"""The forms of integrations: built from the fields that a kind declares, unless the kind has a form of its own."""

from integrations.kinds import KINDS
from integrations.web.forms.action import ActionForm
from integrations.web.forms.base import IntegrationForm
from integrations.web.forms.declared import DeclaredForm

SPECIAL_FORMS: dict[str, IntegrationForm] = {"api_action": ActionForm()}
"""The forms of kinds whose form is not built from declared fields, by kind."""


def form_of(kind: str) -> IntegrationForm:
    """Return the form of a kind of `KINDS`."""
    return SPECIAL_FORMS.get(kind) or DeclaredForm(KINDS[kind])
