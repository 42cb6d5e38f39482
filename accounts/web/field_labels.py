"""The labels of form fields, for errors above a form: an error names its field."""

from collections.abc import Iterable

from accounts.errors import FieldError

LABELS = {
    "value_all": "Value",
    "domains": "Allowed domains",
    "rotate_every_days": "Rotate every … days",
    "base_url": "Base URL",
    "url": "URL",
    "uri": "URI",
    "confirm": "Name",
    "auth_connector": "Auth connector",
    "why": "What for",
    "q": "Search",
}
"""Labels that are not simply the name of the field in words."""


def label_of(field: str) -> str:
    """Return the label of a field: `Expires on` for `expires_on`; empty for the whole form.

    A place inside a field is left out, so `headers[0].value` is `Headers`.
    """
    name = field.removeprefix("config.").partition("[")[0].partition(".")[0]
    if name.startswith("value_") and name not in LABELS:
        return f"{name.removeprefix('value_').capitalize()} value"
    return LABELS.get(name, name.replace("_", " ").capitalize())


def errors_as_json(errors: Iterable[FieldError]) -> list[dict[str, str]]:
    """Return errors as the script of a form reads them."""
    return [{"field": error.field, "label": label_of(error.field), "message": error.message} for error in errors]
