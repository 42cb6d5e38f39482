"""The page with the form of an integration, new or stored."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, get_args
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render

from accounts.access.requests import CofferRequest
from accounts.actors import Actor
from accounts.common.environments import Environment, in_order
from accounts.errors import FieldError, Invalid, NotFound
from integrations.broker.checking import declared_check
from integrations.editing.fields import CONNECTION, CONNECTOR, dependants_of, secrets_through
from integrations.inheritance import own_secret_names, routes_of, with_parents
from integrations.kinds import KINDS
from integrations.kinds.api_action.config import ApiActionConfig
from integrations.kinds.base import Operation
from integrations.kinds.form_sections import Widget
from integrations.models import Integration
from integrations.readiness import overview
from integrations.readiness.domain_check import CHECKED_AT_MOST, DomainCheck, check_domains
from integrations.readiness.warnings import warnings_for
from integrations.tools.overview import counts_of, kept_tools
from integrations.web import parents, paste_notes
from integrations.web.addresses import addresses_of
from integrations.web.forms import SPECIAL_FORMS, form_of
from integrations.web.forms.action import secret_names
from integrations.web.forms.arguments import argument_fields
from integrations.web.forms.base import Values
from integrations.web.paste_notes import PastedNote

DEPENDANTS_AT_MOST = 20
"""How many integrations that use this one are named; the list of integrations shows them all."""
PICKED = {Widget.CONNECTOR, Widget.CONNECTION}
METHODS = get_args(ApiActionConfig.model_fields["method"].annotation)


def page(
    request: CofferRequest,
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
    """Render the form with the stored fields, or with `values` that were sent and their `errors`.

    Args:
        integration: the stored integration; None for a new one.
        notes: notes about raw credentials, if they differ from what the values yield.
        more: further context of the template.
    """
    form = form_of(kind)
    shown = values or (form.stored(integration) if integration else form.blank())
    context = {
        "integration": overview.one(actor, integration.id) if integration else None,
        "values": shown,
        "errors": errors or [],
        "environments": list(Environment),
        "result": None,
        **_warnings(integration if not errors else None),
        **(_about_stored(integration) if integration else {}),
        "pasted": notes or (paste_notes.of_form(form, shown, integration) if values else []),
        "pasted_url": paste_notes.url(actor, kind, integration),
    }
    is_action = kind in SPECIAL_FORMS
    about_kind = _about_action(actor, shown) if is_action else _about_declared(actor, kind, shown, integration)
    return render(request, form.template, context | about_kind | more, status=status)


def _warnings(integration: Integration | None) -> dict[str, Any]:
    warnings = warnings_for(integration) if integration else []
    return {
        "warnings": list(dict.fromkeys(warning.detail for warning in warnings)),
        "will_not_run": any(warning.certain for warning in warnings),
    }


def domain_checks(
    actor: Actor, kind: str, values: Values, stored: Integration | None = None
) -> list[DomainCheck] | None:
    """Return which secrets of a form, including those of its parents, may be sent to their hosts.

    Args:
        stored: the stored integration; the secrets of integrations that use it are sent to the same address.

    Returns:
        None while the URL may not be called or the fields are not a valid configuration.
    """
    if kind in SPECIAL_FORMS:
        return _checks_of_action(actor, values)
    try:
        config = form_of(kind).config(values, {})
        connector = visible(actor, CONNECTOR.kinds, values.get("auth_connector", ""))
        unsaved = Integration(organization=actor.organization, kind=kind, config=config, auth_connector=connector)
        routes = list(routes_of(with_parents(unsaved)))
    except Invalid:
        return None
    if stored:
        routes[0] = replace(routes[0], secret_names=routes[0].secret_names | secrets_through(stored, CHECKED_AT_MOST))
    checks = [
        check_domains(actor.organization, sorted(route.secret_names), route.url, route.schemes) for route in routes
    ]
    return None if None in checks else [check for found in checks for check in found or ()]


def operations_of(integration: Integration) -> list[Operation]:
    """Return the operations of an integration.

    Raises:
        NotFound: its kind has none.
    """
    operations = KINDS[integration.kind].operations(_read(integration))
    if not operations:
        raise NotFound("This integration makes no calls.")
    return operations


def chosen_operation(integration: Integration, name: str) -> Operation:
    """Return the operation of this name; the first operation if there is no such name."""
    operations = operations_of(integration)
    return next((operation for operation in operations if operation.name == name), operations[0])


def operation_panel(
    integration: Integration, operation: str = "", post: Mapping[str, str] | None = None, **more: Any
) -> dict[str, Any]:
    """Return the context of the test panel: the operations, and the arguments of the chosen one.

    Args:
        post: the arguments that were sent; by default they are the parameters' defaults.
    """
    chosen = chosen_operation(integration, operation)
    return {
        "environment": next(iter(in_order(integration.environments)), None),
        "operations": operations_of(integration),
        "operation": chosen.name,
        "calls": chosen.calls,
        "arguments": argument_fields(chosen.parameters, post or {}),
        **more,
    }


def _about_action(actor: Actor, values: Values) -> dict[str, Any]:
    return {
        "methods": METHODS,
        "parents": parents.fields(actor, parents.ROLES, values),
        "domain_checks": domain_checks(actor, "api_action", values),
    }


def _about_declared(actor: Actor, kind: str, values: Values, integration: Integration | None) -> dict[str, Any]:
    inputs = [field.input for section in KINDS[kind].sections for field in section.fields if field.widget in PICKED]
    panels = {"checkable": True, "runnable": not KINDS[kind].is_shared} if integration is None else {}
    return {
        **panels,
        "kind": KINDS[kind],
        "parents": parents.fields(actor, inputs, values),
        "checks_domains": not KINDS[kind].is_connector,
        "domain_checks": domain_checks(actor, kind, values, integration),
    }


def _about_stored(integration: Integration) -> dict[str, Any]:
    """Return the context that only a stored integration has: dependants, test panel and counts of tools."""
    dependants = dependants_of(integration, DEPENDANTS_AT_MOST + 1)
    about: dict[str, Any] = {
        "dependants": dependants[:DEPENDANTS_AT_MOST],
        "imports": list(integration.imports.order_by("pk")) if KINDS[integration.kind].is_connection else [],
        "more_dependants": len(dependants) > DEPENDANTS_AT_MOST,
        "checkable": declared_check(integration) is not None,
    }
    if KINDS[integration.kind].is_connection:
        about["addresses"] = addresses_of(integration)
    elif KINDS[integration.kind].operations(_read(integration)):
        about |= {"runnable": True, "test": operation_panel(integration)}
    if KINDS[integration.kind].tools_operation:
        about |= {"offers_tools": True, "tool_counts": counts_of(kept_tools(integration.id))}
        about["only_approved"] = integration.only_approved_tools
    return about


def _read(integration: Integration) -> Any:
    return KINDS[integration.kind].read(integration.config)


def _checks_of_action(actor: Actor, values: Values) -> list[DomainCheck] | None:
    """Return the domain checks of an action whose form may be incomplete."""
    connection = visible(actor, CONNECTION.kinds, values["connection"])
    connector = visible(actor, CONNECTOR.kinds, values["auth_connector"])
    parents = [link for link in (connection, connector or (connection and connection.auth_connector)) if link]
    names = [name for link in parents for name in sorted(own_secret_names(link))]
    url = values["base_url"] if connection is None else _read(connection).base_url
    return check_domains(actor.organization, [*secret_names(values), *names], url)


def visible(actor: Actor, kinds: Iterable[str], chosen: str) -> Integration | None:
    """Return the visible integration with this id and one of these kinds; None if there is none."""
    try:
        found = Integration.objects.visible_to(actor).filter(kind__in=kinds, pk=UUID(chosen))
    except ValueError:
        return None
    return found.select_related("auth_connector").first()
