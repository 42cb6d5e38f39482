"""Starting a new integration from a well-known service: a filled form, and the secrets that it needs."""

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from accounts.access.requests import CofferRequest
from accounts.actors import Actor
from integrations.kinds import KINDS
from integrations.kinds.api_connection.known_services import (
    CONNECTION,
    CONNECTOR,
    KNOWN_SERVICES,
    KnownService,
    known_service,
)
from integrations.web.forms import form_of
from integrations.web.forms.base import Values
from secrets_app.models import Secret


def chosen(request: CofferRequest, kind: str) -> KnownService | None:
    """Return the service in the address, if the kind can start from it."""
    return known_service(request.GET.get("service", ""), kind)


def values(kind: str, service: KnownService) -> Values:
    """Return the fields of the form, filled in for the service."""
    form = form_of(kind)
    return form.blank() | form.config_values(service.configs[kind]) | {"name": service.name}


def context(actor: Actor, kind: str, service: KnownService | None) -> dict[str, Any]:
    """Return the template context: all services to choose from, and the chosen one."""
    offered = [known for known in KNOWN_SERVICES if kind in known.configs] if kind == CONNECTION else []
    about: dict[str, Any] = {"services": offered, "service": service}
    if service is None:
        return about
    slug = actor.organization.slug
    needs_connector = kind == CONNECTION and CONNECTOR in service.configs
    about["service_secrets"] = _secrets(actor, kind, service)
    about["service_connector_url"] = (
        f"{reverse('integration-new', args=[slug, CONNECTOR])}?{urlencode({'service': service.key})}"
        if needs_connector
        else ""
    )
    return about


def _secrets(actor: Actor, kind: str, service: KnownService) -> list[dict[str, Any]]:
    """Return the secrets that the form names, each with an address to create it if it does not exist."""
    config = KINDS[kind].read(service.configs[kind])
    names = list(dict.fromkeys(name for slot in KINDS[kind].slots(config) for name in slot.template.secret_names))
    stored = set(Secret.objects.of(actor.organization).filter(name__in=names).values_list("name", flat=True))
    new = reverse("secret-new", args=[actor.organization.slug])
    return [
        {
            "name": name,
            "href": ""
            if name in stored
            else f"{new}?{urlencode({'name': name, 'domains': service.domains}, doseq=True)}",
        }
        for name in names
    ]
