"""The forms of integrations: drawn from what a kind declares, unless it has a page of its own."""

from integrations.forms.action import ActionForm
from integrations.forms.base import Form
from integrations.forms.declared import DeclaredForm
from integrations.kinds import KINDS

DRAWN: dict[str, Form] = {"api_action": ActionForm()}
"""Forms that have a page of their own."""

FORMS: dict[str, Form] = {key: DRAWN.get(key) or DeclaredForm(kind) for key, kind in KINDS.items()}
"""The form of every kind, by the kind's key."""
