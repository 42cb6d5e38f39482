"""The page that shows the form of one integration, new or stored, and everything around it."""

from collections.abc import Iterable, Mapping
from typing import Any, get_args
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.actors import Actor
from accounts.environments import Environment
from accounts.errors import FieldError, NotFound
from integrations import overview
from integrations.domain_check import DomainCheck, check_domains
from integrations.forms import FORMS
from integrations.forms.action import secret_names
from integrations.forms.arguments import argument_fields
from integrations.forms.base import Values
from integrations.kinds import KINDS
from integrations.kinds.api_action_config import ApiActionConfig
from integrations.models import Integration, SecretReference
from integrations.services.rules import dependants_of
from integrations.views import pasted_notes
from integrations.views.pasted_notes import PastedNote
from integrations.warnings import warnings_for
from secrets_app.models import Secret

METHODS = get_args(ApiActionConfig.model_fields["method"].annotation)


def page(
    request: HttpRequest,
    actor: Actor,
    kind: str,
    *,
    integration: Integration | None = None,
    values: Values | None = None,
    errors: list[FieldError] | None = None,
    notes: list[PastedNote] | None = None,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    """The editor: with the stored fields, or with `values` that were sent and their `errors`.

    Args:
        integration: the stored one, of the actor's organization; None on the page for a new one.
        notes: about raw credentials in the values, where they differ from what the values say by themselves.
        more: further context of the template.
    """
    form = FORMS[kind]
    shown = values or (form.stored(integration) if integration else form.blank())
    warnings = warnings_for(integration) if integration and not errors else []
    context = {
        "integration": overview.one(actor, integration.id) if integration else None,
        "values": shown,
        "errors": errors or [],
        "environments": list(Environment),
        "secret_names": _secret_names(actor),
        "warnings": list(dict.fromkeys(warning.detail for warning in warnings)),
        "will_not_run": any(warning.certain for warning in warnings),
        "result": None,
        "pasted": notes or (pasted_notes.of_form(form, shown, integration) if values else []),
        "pasted_url": pasted_notes.url(actor, kind, integration),
    }
    about_kind = _about_connector(integration) if KINDS[kind].is_connector else _about_action(actor, shown, integration)
    return render(request, form.template, context | about_kind | more, status=status)


def domain_checks(actor: Actor, values: Values) -> list[DomainCheck] | None:
    """Which secrets of an action's form, those of its connector included, may go where it sends them."""
    names = [*secret_names(values), *_names_of_connector(actor, values["auth_connector"])]
    return check_domains(actor.organization, names, values["base_url"])


def parameters_of(integration: Integration) -> dict[str, Any]:
    """JSON Schema of the arguments of an integration's one operation.

    Raises:
        NotFound: its kind cannot be run.
    """
    operations = KINDS[integration.kind].operations(_read(integration))
    if not operations:
        raise NotFound("This integration calls nobody by itself.")
    return operations[0].parameters


def _about_action(actor: Actor, values: Values, integration: Integration | None) -> dict[str, Any]:
    return {
        "methods": METHODS,
        "connectors": _connectors(actor),
        "domain_checks": domain_checks(actor, values),
        "test": _untried(integration) if integration else None,
    }


def _untried(integration: Integration) -> dict[str, Any]:
    """The test panel before anything was sent: the least harmful environment, and the defaults."""
    chosen = [environment for environment in Environment if environment in integration.environments]
    return {"environment": chosen[0] if chosen else None, "arguments": argument_fields(parameters_of(integration), {})}


def _about_connector(integration: Integration | None) -> dict[str, Any]:
    return {"dependants": dependants_of(integration) if integration else []}


def _secret_names(actor: Actor) -> Iterable[Mapping[str, Any]]:
    """What completion offers: every secret by name, whether it is enabled, and where it may go."""
    secrets = Secret.objects.of(actor.organization).order_by("name")
    return secrets.values("name", "enabled", "allowed_domains")


def _connectors(actor: Actor) -> list[dict[str, Any]]:
    kinds = {key: kind for key, kind in KINDS.items() if kind.is_connector}
    found = Integration.objects.visible_to(actor).filter(kind__in=kinds).order_by("name")
    return [
        {"id": connector.id, "name": connector.name, "summary": kinds[connector.kind].summary(_read(connector))}
        for connector in found
    ]


def _read(integration: Integration) -> Any:
    return KINDS[integration.kind].read(integration.config)


def _names_of_connector(actor: Actor, chosen: str) -> list[str]:
    """Names of the secrets of the connector with this id; none where the text is no id of a visible connector."""
    references = SecretReference.objects.filter(integration__in=Integration.objects.visible_to(actor))
    try:
        return sorted(references.filter(integration=UUID(chosen)).values_list("name", flat=True))
    except ValueError:
        return []
