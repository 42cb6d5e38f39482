"""The indexes that the filters of the list of runs need, made while others write on PostgreSQL."""

from importlib import import_module

from django.db import migrations, models
from django.db.models import Q

AddIndexBesideWriters = import_module("accounts.migrations.0013_session_index").AddIndexBesideWriters


def _index(column, name, condition=None):
    return AddIndexBesideWriters(
        "run", models.Index(fields=["organization", column, "-started_at", "-id"], condition=condition, name=name)
    )


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("integrations", "0013_alerts"),
    ]

    operations = [
        _index("environment", "run_by_environment"),
        _index("principal_id", "run_by_principal"),
        _index("error_code", "run_by_code"),
        _index("failure", "run_by_failure", Q(failure__isnull=False)),
        _index("error_status", "run_by_error_status", Q(error_status__isnull=False)),
        AddIndexBesideWriters("run", models.Index(fields=["request_id", "organization"], name="run_by_request")),
    ]
