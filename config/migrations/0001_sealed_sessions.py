"""Sessions whose row key is a digest of the cookie, and whose data is sealed. Who is signed in stays signed in."""

import json

from django.conf import settings
from django.contrib.sessions.serializers import JSONSerializer
from django.core import signing
from django.db import migrations

from config.sessions import RowKey
from secrets_app.sealing import sealed_sessions

SALT = "django.contrib.sessions.SessionStore"


def seal(apps, schema_editor):
    """Rewrite each session that is signed and not too old; delete the others, which end."""
    sessions = apps.get_model("sessions", "Session")._default_manager
    listed = apps.get_model("usersessions", "UserSession")._default_manager
    for key in list(sessions.values_list("session_key", flat=True)):
        row, sealed_key = sessions.filter(session_key=key), RowKey.of(key)
        try:
            data = signing.loads(
                row.get().session_data, salt=SALT, serializer=JSONSerializer, max_age=settings.SESSION_COOKIE_AGE
            )
        except Exception:  # noqa: BLE001 - not a session, by a wrong signature or for what the serializer says
            row.delete()
            continue
        row.update(session_key=sealed_key, session_data=sealed_sessions.seal(json.dumps(data), sealed_key))
        listed.filter(session_key=key).update(session_key=sealed_key)


def end_all(apps, schema_editor):
    """End every session: the cookies cannot be computed back."""
    apps.get_model("sessions", "Session")._default_manager.all().delete()


class Migration(migrations.Migration):

    dependencies = [
        ("sessions", "0001_initial"),
        ("usersessions", "0001_initial"),
    ]

    operations = [migrations.RunPython(seal, end_all)]
