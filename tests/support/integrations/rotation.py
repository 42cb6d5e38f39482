"""The acts of a rotation in staging."""

from datetime import timedelta

from django.utils import timezone

from accounts.common.environments import Environment
from integrations.rotation import rotation
from secrets_app.models import SecretValue
from secrets_app.plaintext import Plaintext
from secrets_app.rotation import rotation as values
from secrets_app.sealing import keyring

S = Environment.STAGING
NEW = "the-new-key-of-staging"


def stage(owner, secret, text=NEW):
    return values.stage(actor=owner, secret_id=secret.id, environment=S, value=Plaintext(text))


def promote(owner, secret, *, accept=False, **more):
    return rotation.promote(actor=owner, secret_id=secret.id, environment=S, accept_failures=accept, **more)


def roll_back(owner, secret):
    return values.roll_back(actor=owner, secret_id=secret.id, environment=S)


def discard(owner, secret):
    return values.discard(actor=owner, secret_id=secret.id, environment=S)


def kept(secret, environment=S):
    """State -> value of everything that is still sealed in an environment."""
    rows = SecretValue.objects.filter(secret=secret, environment=environment.value, sealed__isnull=False)
    return {row.state: keyring.unseal(row).expose() for row in rows.select_related("secret", "data_key")}


def expire():
    SecretValue.objects.filter(state="previous").update(rollback_until=timezone.now() - timedelta(seconds=1))
