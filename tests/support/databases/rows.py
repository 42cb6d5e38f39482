"""The rows of the whole database, to compare before and after."""

from django.apps import apps

USE_OF_KEYS = ("last_used_at", "last_address", "last_user_agent")
"""The columns that each call by API key may write."""


def all_rows(*left_out):
    """Every row of our tables, as tuples."""
    models = [
        model
        for label in ("accounts", "secrets_app", "integrations")
        for model in apps.get_app_config(label).get_models()
    ]
    return {
        model.__name__: sorted(
            repr([bytes(cell) if isinstance(cell, memoryview) else cell for cell in row])
            for row in model._default_manager.values_list(
                *[field.attname for field in model._meta.concrete_fields if field.attname not in left_out]
            )
        )
        for model in models
    }
