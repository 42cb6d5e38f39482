"""`manage.py check --deploy` reports a lost key before a run finds out (docs/crypto.md, "Keys")."""

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError

from secrets_app.sealing import keyring


@register(Tags.security, deploy=True)
def every_data_key_opens(**_: object) -> list[CheckMessage]:
    """E001: a stored data key that the keyring cannot open. A database that is not there yet has none."""
    try:
        problems = keyring.check_keys()
    except DatabaseError:
        return []
    hint = f"List the master key in {keyring.VARIABLE}; keep the old one behind the new one while you rotate."
    return [Error(problem, hint=hint, id="secrets_app.E001") for problem in problems]
