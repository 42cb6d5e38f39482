"""A check for `manage.py check --deploy` that reports lost keys before a run fails (docs/crypto.md, "Keys")."""

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError

from secrets_app.sealing import canaries, keyring


@register(Tags.security, deploy=True)
def every_data_key_opens(**_: object) -> list[CheckMessage]:
    """Return an error E001 for each stored data key that does not open, E002 for each wrong master key.

    There are none if there is no database yet.
    """
    try:
        lost = [keyring.why_lost(key) for key in keyring.lost_keys()]
        wrong = canaries.mismatches()
    except DatabaseError:
        return []
    hint = f"List the master key in {keyring.VARIABLE}; keep the old one behind the new one while you rotate."
    return [
        *(Error(sentence, hint=hint, id="secrets_app.E001") for sentence in lost),
        *(Error(sentence, id="secrets_app.E002") for sentence in wrong),
    ]
