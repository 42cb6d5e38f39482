"""The forms of integrations: one for each kind, in this table."""

from integrations.forms.action import ActionForm
from integrations.forms.base import Form
from integrations.forms.connector import ConnectorForm

FORMS: dict[str, Form] = {"api_action": ActionForm(), "auth_connector": ConnectorForm()}
"""The form of every kind, by the kind's key."""
