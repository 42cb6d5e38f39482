"""A check for `manage.py check --deploy` that reports lost keys before a run fails (docs/crypto.md, "Keys")."""

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError

from secrets_app.sealing import keyring


@register(Tags.security, deploy=True)
def every_data_key_opens(**_: object) -> list[CheckMessage]:
    """Return an error E001 for each stored data key that does not open; none if there is no database yet."""
    try:
        problems = keyring.check_keys()
    except DatabaseError:
        return []
    hint = f"List the master key in {keyring.VARIABLE}; keep the old one behind the new one while you rotate."
    return [Error(problem, hint=hint, id="secrets_app.E001") for problem in problems]
