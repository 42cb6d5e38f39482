"""The demo's two rotations: one whose new value is staged, and one that can still be rolled back."""

import secrets
from dataclasses import replace
from uuid import UUID

from asgiref.sync import async_to_sync

from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.people.organization_settings import change_settings, settings_of
from config.demo.providers import CALENDAR_KEY, calendar_key
from integrations.rotation import rotation
from secrets_app.models import Secret
from secrets_app.plaintext import Plaintext
from secrets_app.rotation.rotation import stage

PROMOTED = "crm.apiKey"
WINDOW_HOURS = 7 * 24
PLACE = Environment.PRODUCTION


def load_rotations(owner: Actor) -> None:
    """Stage two new values, try both, and promote one of them. Its window stays open for a week."""
    change_settings(actor=owner, wanted=replace(settings_of(owner.organization), rollback_hours=WINDOW_HOURS))
    owner.organization.refresh_from_db()
    _stage_and_try(owner, CALENDAR_KEY, calendar_key())
    promoted = _stage_and_try(owner, PROMOTED, Plaintext(f"demo-{PLACE.value}-{secrets.token_hex(12)}"))
    rotation.promote(actor=owner, secret_id=promoted, environment=PLACE, accept_failures=False)


def _stage_and_try(owner: Actor, name: str, value: Plaintext) -> UUID:
    secret = Secret.objects.get(organization=owner.organization, name=name)
    stage(actor=owner, secret_id=secret.id, environment=PLACE, value=value)
    async_to_sync(rotation.check)(owner, secret.id, PLACE)
    return secret.id
