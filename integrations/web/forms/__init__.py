"""The forms of integrations: drawn from what a kind declares, unless it has a page of its own."""

from integrations.kinds import KINDS
from integrations.web.forms.action import ActionForm
from integrations.web.forms.base import Form
from integrations.web.forms.declared import DeclaredForm

DRAWN: dict[str, Form] = {"api_action": ActionForm()}
"""Forms that have a page of their own."""

FORMS: dict[str, Form] = {key: DRAWN.get(key) or DeclaredForm(kind) for key, kind in KINDS.items()}
"""The form of every kind, by the kind's key."""
