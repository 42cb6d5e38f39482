"""Starting a new integration from a well-known service: a filled form, and the secrets that it needs."""

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from accounts.access.requests import CofferRequest
from accounts.actors import Actor
from accounts.common.environments import in_order
from integrations.kinds import KINDS
from integrations.known_services import catalogue
from integrations.known_services.catalogue import ACTION, CONNECTION, CONNECTOR, KnownService
from integrations.models import Integration
from integrations.web import editor
from integrations.web.forms import form_of
from integrations.web.forms.base import Values
from secrets_app.models import Secret


def chosen(request: CofferRequest, kind: str) -> KnownService | None:
    """Return the service in the address, if the kind can start from it."""
    service = catalogue.service(request.GET.get("service", ""))
    return service if service and kind in service.configs else None


def values(request: CofferRequest, actor: Actor, kind: str) -> Values | None:
    """Return the fields of the form, filled in for the service or operation in the address; None if it names none."""
    form, service = form_of(kind), chosen(request, kind)
    if service:
        return form.blank() | form.config_values(service.configs[kind]) | {"name": service.name}
    return _values_of_operation(request, actor) if kind == ACTION else None


def _values_of_operation(request: CofferRequest, actor: Actor) -> Values | None:
    service = catalogue.service(request.GET.get("service", ""))
    operation = service.operation(request.GET.get("operation", "")) if service else None
    if operation is None:
        return None
    form, connection = form_of(ACTION), editor.visible(actor, [CONNECTION], request.GET.get("connection", ""))
    filled = form.blank() | form.config_values(operation.config)
    filled |= {"name": operation.name, "description": operation.description}
    if connection:
        filled |= {"connection": str(connection.pk), "environments": in_order(connection.environments)}
    return filled


def context(actor: Actor, kind: str, service: KnownService | None) -> dict[str, Any]:
    """Return the template context: all services to choose from, and the chosen one."""
    about: dict[str, Any] = {"services": catalogue.by_category() if kind == CONNECTION else {}, "service": service}
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


def operations(connection: Integration) -> list[dict[str, str]]:
    """Return what is useful to call through a connection to a well-known service, each with an address to start it."""
    if connection.kind != CONNECTION:
        return []
    service = catalogue.service_at(connection.config["base_url"])
    if service is None:
        return []
    new = reverse("integration-new", args=[connection.organization.slug, ACTION])
    start = {"service": service.key, "connection": str(connection.pk)}
    return [
        {
            "name": operation.name,
            "description": operation.description,
            "href": f"{new}?{urlencode(start | {'operation': operation.key})}",
        }
        for operation in service.operations
    ]


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
            else f"{new}?{urlencode({'name': name, 'domains': service.hosts}, doseq=True)}",
        }
        for name in names
    ]
