"""Disabled integrations: who disabled one and why, and what its calls are refused with."""

from collections.abc import Collection
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.access.callers import CONCURRENT_CALLS
from accounts.access.stops import by_whom, clean_reason, label_of, with_stop
from accounts.actors import Actor
from integrations.errors import IntegrationDisabled
from integrations.models import Integration

NOT_SAVED = "The integration was not disabled."
DISABLED = ("disabled_at", "disabled_by", "disabled_why")
"""The columns that `note_switch` sets."""


def note_switch(actor: Actor, integration: Integration, changed: Collection[str], why: str) -> None:
    """If the flag is among the changed fields, note on the unsaved integration who disabled it and why, or nobody.

    Calls under way in this process end after the commit; elsewhere nothing more is sent for them.

    Raises:
        Invalid: the reason cannot be stored.
    """
    if "enabled" not in changed:
        return
    if integration.enabled:
        integration.disabled_at, integration.disabled_by, integration.disabled_why = None, "", ""
        return
    integration.disabled_why = clean_reason(why, detail=NOT_SAVED, is_needed=False)
    integration.disabled_at, integration.disabled_by = timezone.now(), label_of(actor)
    stopped = partial(integration_disabled, integration, meanwhile=True)
    transaction.on_commit(lambda: CONCURRENT_CALLS.stop(integration.pk, stopped))


def why_disabled(integration: Integration, changed: Collection[str]) -> dict[str, Any]:
    """Return the reason for the audit log, if the changed fields include the flag and somebody gave one."""
    return {"reason": integration.disabled_why} if "enabled" in changed and integration.disabled_why else {}


def integration_disabled(link: Integration, *, meanwhile: bool = False) -> IntegrationDisabled:
    """Return the refusal of the calls of a disabled integration, with who disabled it and why, as far as it is known.

    Args:
        meanwhile: whether the call was under way then.
    """
    by, why = link.disabled_by, link.disabled_why
    if meanwhile:
        sentence = f"{link.name} was disabled{by_whom(by, why)} while the call was under way."
    elif by:
        sentence = f"{link.name} was disabled{by_whom(by, why)}. Enable it to run it."
    else:
        sentence = f"{link.name} is disabled. Enable it to run it."
    refusal = IntegrationDisabled(sentence)
    return with_stop(refusal, by=by, why=why, at=link.disabled_at) if by else refusal
