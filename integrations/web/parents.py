"""Choosing the connection and the auth connector of an integration: typed names, and suggestions while they are typed.

Forms show and send the names of these integrations, which are unique in an organization. What follows works with ids.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.common.texts import UNSTORABLE
from accounts.policy import Permission
from integrations.editing.fields import CONNECTION, CONNECTOR, ParentRole
from integrations.kinds import KINDS
from integrations.models import Integration
from integrations.querysets import IntegrationQuerySet
from integrations.web.forms.base import IntegrationForm, SubmittedIntegration, Values

SUGGESTED_AT_MOST = 20
ROLES = {role.field.removeprefix("config."): role for role in (CONNECTION, CONNECTOR)}
"""The roles by the names of their fields."""


@require_GET
@requires(Permission.INTEGRATIONS_READ)
def suggestions(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Render the first integrations of a `role` whose name or description contains `q`, each with its summary."""
    role, text = ROLES.get(request.GET.get("role", "")), UNSTORABLE.sub("", request.GET.get("q", "")).strip()
    found = _of(actor, role).search_described(text).order_by("name")[:SUGGESTED_AT_MOST] if role else []
    shown = [
        {
            "name": parent.name,
            "icon": KINDS[parent.kind].icon,
            "note": KINDS[parent.kind].summary(KINDS[parent.kind].read(parent.config)),
        }
        for parent in found
    ]
    return render(request, "components/suggestions.html", {"suggestions": shown})


def read(actor: Actor, form: IntegrationForm, post: QueryDict) -> SubmittedIntegration:
    """Read a submitted form, with the ids of the connection and connector that are named.

    What names none stays as typed, for the service to refuse.
    """
    sent = form.read(post)
    found = {name: _id_of(actor, ROLES[name], sent.values[name]) for name in ROLES if sent.values.get(name)}
    return replace(sent, values=sent.values | found)


def fields(actor: Actor, names: Iterable[str], values: Values) -> dict[str, dict[str, Any]]:
    """Return the template context of these fields: what is shown, and where suggestions are.

    The connection is left out while the organization has none.
    """
    ids = {name: _as_id(values[name]) for name in names}
    known = {found.pk: found.name for found in _visible(actor).filter(pk__in=filter(None, ids.values())).only("name")}
    slug = actor.organization.slug
    return {
        name: {
            "name": name,
            "value": known.get(chosen, values[name]) if chosen else values[name],
            "url": f"{reverse('integration-suggestions', args=[slug])}?role={name}",
        }
        for name, chosen in ids.items()
        if ROLES[name] is not CONNECTION or values[name] or _of(actor, CONNECTION).exists()
    }


def _id_of(actor: Actor, role: ParentRole, typed: str) -> str:
    """Return the id of the integration that has this id or name; the text itself if there is none."""
    if _as_id(typed):
        return typed
    found = _of(actor, role).filter(name__iexact=UNSTORABLE.sub("", typed).strip()).values_list("pk", flat=True)
    return next(map(str, found), typed)


def _of(actor: Actor, role: ParentRole) -> IntegrationQuerySet[Integration]:
    return _visible(actor).filter(kind__in=role.kinds)


def _visible(actor: Actor) -> IntegrationQuerySet[Integration]:
    return Integration.objects.visible_to(actor)


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
