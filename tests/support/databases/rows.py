"""The rows of the whole database, to compare before and after."""

from django.apps import apps

from accounts.occurrences import Occurred, Occurrence

USE_OF_KEYS = ("last_used_at", "last_address", "last_user_agent")
"""The columns that each call by API key may write, and so the occurrence of its first use."""


def _kept(model, left_out):
    rows = model._default_manager.all()
    is_use_left_out = model is Occurrence and USE_OF_KEYS[0] in left_out
    return rows.exclude(type=Occurred.API_KEY_FIRST_USED.value) if is_use_left_out else rows


def all_rows(*left_out):
    """Every row of our tables, as tuples, without the columns that are left out."""
    models = [
        model
        for label in ("accounts", "secrets_app", "integrations")
        for model in apps.get_app_config(label).get_models()
    ]
    return {
        model.__name__: sorted(
            repr([bytes(cell) if isinstance(cell, memoryview) else cell for cell in row])
            for row in _kept(model, left_out).values_list(
                *[field.attname for field in model._meta.concrete_fields if field.attname not in left_out]
            )
        )
        for model in models
    }
