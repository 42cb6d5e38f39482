"""Names of secrets as suggestions while somebody types: in texts with placeholders, and where a secret is chosen."""

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.common.texts import UNSTORABLE
from accounts.policy import Permission
from secrets_app.models import Secret
from secrets_app.naming.domains import allows
from secrets_app.querysets import SecretQuerySet

SUGGESTED_AT_MOST = 20
CONSIDERED_AT_MOST = 100
"""How many matches are compared with the host, so that those that may be sent there come first."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A name, and a remark whether the secret can be used at the host of the form. A lower rank comes first."""

    name: str
    rank: int = 1
    note: str = ""
    look: str = ""
    icon: str = "key-round"


@require_GET
@requires(Permission.SECRETS_READ)
def suggestions(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Render the names that match `q`, or which of the names `name` exist.

    Args:
        request: with `host`, names of secrets that may be sent there come first; with `enabled`, only enabled secrets.
    """
    secrets = Secret.objects.of(actor.organization)
    if request.GET.get("enabled"):
        secrets = secrets.filter(enabled=True)
    asked = [UNSTORABLE.sub("", name) for name in request.GET.getlist("name")[:SUGGESTED_AT_MOST]]
    text, host = (UNSTORABLE.sub("", request.GET.get(part, "")).strip() for part in ("q", "host"))
    found = list(secrets.filter(name__in=asked)) if asked else _matching(secrets, text)
    ranked = sorted((_suggestion(secret, host) for secret in found), key=lambda suggestion: suggestion.rank)
    return render(request, "components/suggestions.html", {"suggestions": ranked[:SUGGESTED_AT_MOST]})


def _matching(secrets: SecretQuerySet[Secret], text: str) -> list[Secret]:
    """Return some secrets by name: those that begin with the text, and if they are few, those that contain it."""
    wanted = secrets.only("name", "enabled", "allowed_domains").alphabetical()
    found = list(wanted.filter(name__istartswith=text)[:CONSIDERED_AT_MOST])
    if text and len(found) < SUGGESTED_AT_MOST:
        others = wanted.filter(name__icontains=text).exclude(name__istartswith=text)
        found += others[: CONSIDERED_AT_MOST - len(found)]
    return found


def _suggestion(secret: Secret, host: str) -> Suggestion:
    if not secret.enabled:
        return Suggestion(secret.name, 3, "Disabled")
    if not secret.allowed_domains:
        return Suggestion(secret.name, 1, "Any domain")
    if not host:
        return Suggestion(secret.name)
    if allows(secret.allowed_domains, host):
        return Suggestion(secret.name, 0, "Allowed here", "ok")
    return Suggestion(secret.name, 2, "Not for this domain", "warn")
