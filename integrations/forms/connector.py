"""The form of an auth connector: a bearer token, or an API key in a header or query parameter."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import QueryDict

from accounts.errors import FieldError
from integrations.forms.base import Form, Sent, Values, keep_line_ends, text

_FIELDS = {
    "config.type": "type",
    "config.token": "token",
    "config.auth.token": "token",
    "config.in": "in",
    "config.name": "key_name",
    "config.value": "value",
    "config.auth.value": "value",
}


class ConnectorForm(Form):
    """The form of `auth_connector`. The fields of the type that was not chosen come back as they were typed."""

    template: ClassVar[str] = "integrations/connector_form.html"

    def config_values(self, config: Mapping[str, Any]) -> Values:
        """The stored credential; a bearer token where there is none yet."""
        return {
            "type": config.get("type", "bearer"),
            "token": config.get("token", ""),
            "in": config.get("in", "header"),
            "key_name": config.get("name", ""),
            "value": config.get("value", ""),
        }

    def read_config(self, post: QueryDict) -> Sent:
        """All fields of both types."""
        texts = {name: text(post, name) for name in ("type", "token", "in", "value")}
        return Sent(texts | {"key_name": post.get("key_name", "").strip()})

    def config(self, values: Values, stored: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of the chosen type."""
        if values["type"] == "api_key":
            typed = {"in": values["in"], "name": values["key_name"], "value": values["value"]}
        else:
            typed = {"token": values["token"]}
        return keep_line_ends({"type": values["type"], **typed}, stored)

    def error(self, error: FieldError, values: Values) -> FieldError:  # noqa: ARG002 - the fields have fixed places
        """Each field has one place."""
        return FieldError(_FIELDS.get(error.field, ""), error.message)
