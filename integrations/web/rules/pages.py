"""The pages of an integration's rules."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.access.step_up import Proof
from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.common.fields import read_json
from accounts.errors import EditConflict, FieldError, Invalid, Refusal
from accounts.models import ApiKey, Membership
from accounts.policy import Permission, Role
from accounts.web.replies import see_other
from integrations.broker.preparation import Call
from integrations.broker.trying import Tried, would_happen
from integrations.editing.rules import set_rules, unknown_arguments
from integrations.inheritance import operations_of, with_parents
from integrations.kinds import KINDS
from integrations.kinds.base import CHECK
from integrations.models import Integration
from integrations.readiness import overview
from integrations.rules.comparisons import Operator
from integrations.rules.shape import MOST_RULES, Day, Decision, Per
from integrations.rules.stored import rules_of
from integrations.rules.words import in_words
from integrations.tools.overview import counts_of, kept_tools
from integrations.web.rules.form import (
    Card,
    Condition,
    Parameters,
    all_environments,
    card_of,
    ids_in,
    parameters_of,
    read_cards,
    rules_of_cards,
)

KEYS_OFFERED = 50
SAVE, ADD, REMOVE, ADD_CONDITION, REMOVE_CONDITION = "save", "add", "remove", "add-condition", "remove-condition"


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.RULES_WRITE, proof=Proof.PAGE)
def edit(request: CofferRequest, actor: Actor, integration_id: UUID) -> HttpResponse:
    """GET shows the rules; POST saves them, or shows the form again with a card or a condition more or less."""
    integration = Integration.objects.fetch(actor, integration_id)
    integration.organization = actor.organization
    if request.method != "POST":
        return _page(request, actor, integration, [card_of(rule) for rule in rules_of(integration)])
    cards = read_cards(request.POST)
    act, _, place = request.POST.get("do", SAVE).partition(":")
    if act != SAVE:
        _change(cards, act, place)
        return _page(request, actor, integration, cards)
    try:
        _save(actor, integration, cards, request.POST.get("version", ""))
    except EditConflict as refusal:
        return _page(request, actor, integration, cards, [FieldError("", refusal.detail)], refusal.status)
    except Invalid as refusal:
        return _page(request, actor, integration, cards, refusal.errors, refusal.status)
    messages.success(request, f"Saved the rules of {integration.name}")
    return see_other("integration-rules", actor.organization.slug, integration_id)


@require_POST
@requires(Permission.INTEGRATIONS_READ)
def attempt(request: CofferRequest, actor: Actor, integration_id: UUID) -> HttpResponse:
    """Render what would happen to a call with the rules of the form, saved or not. Nothing is opened or sent."""
    integration = Integration.objects.fetch(actor, integration_id)
    context: dict[str, Any] = {}
    try:
        context["tried"] = _tried(actor, integration, request.POST)
    except Refusal as refusal:
        context["problem"] = refusal.errors[0].message if refusal.errors else refusal.detail
    return render(request, "integrations/rules/_verdict.html", context)


def _tried(actor: Actor, integration: Integration, post: QueryDict) -> Tried:
    rules = rules_of_cards(read_cards(post), _parameters(integration))
    try:
        params = read_json(post.get("params", "").strip() or "{}")
        environment = Environment(post.get("try_environment", ""))
    except (ValueError, RecursionError):
        raise Invalid("Write the arguments as a JSON object.") from None
    operation, _, tool = post.get("try_operation", "").partition(":")
    if tool:
        params = {"name": tool, "arguments": params}
    call = Call(integration.pk, environment, operation or None, params)
    return would_happen(actor, call, rules=rules)


def _save(actor: Actor, integration: Integration, cards: Sequence[Card], version: str) -> None:
    rules = rules_of_cards(cards, _parameters(integration))
    seen = int(version) if version.isascii() and version.isdigit() else 0
    set_rules(actor=actor, integration_id=integration.pk, rules=rules, expected_version=seen)


def _change(cards: list[Card], act: str, place: str) -> None:
    """Add or remove a card or a condition; a place that there is not is left alone."""
    first, second = (int(part) if part.isdigit() else MOST_RULES for part in (place + ":").split(":")[:2])
    if act == ADD and len(cards) < MOST_RULES:
        cards.append(Card())
    elif act == REMOVE:
        del cards[first : first + 1]
    for card in cards[first : first + 1]:
        if act == ADD_CONDITION:
            card.conditions.append(Condition())
        elif act == REMOVE_CONDITION:
            del card.conditions[second : second + 1]


def _page(
    request: CofferRequest,
    actor: Actor,
    integration: Integration,
    cards: Sequence[Card],
    errors: Sequence[FieldError] = (),
    status: int = 200,
) -> HttpResponse:
    row, kind, parameters = overview.one(actor, integration.pk), KINDS[integration.kind], _parameters(integration)
    context = {
        "integration": row,
        "kind": kind,
        "offers_tools": bool(kind.tools_operation),
        "cards": [_shown(index, card, parameters, errors) for index, card in enumerate(cards)],
        "version": request.POST.get("version", integration.version),
        "operations": _operations(integration),
        "environments": all_environments(),
        "keys": _keys(actor, cards),
        "members": _members(actor),
        "decisions": DECISIONS,
        "operators": [(operator.value, operator.label) for operator in Operator],
        "days": [(day.value, day.value[:3].capitalize()) for day in Day],
        "spans": [(per.value, per.label) for per in Per],
        "inherited": _inherited(integration),
        "outdated": _outdated(integration),
        "asks_by_default": actor.organization.asks_unless_read_only,
        "may_add": len(cards) < MOST_RULES,
        "errors": list(errors),
    }
    if kind.tools_operation:
        context["tool_counts"] = counts_of(kept_tools(integration.pk))
    return render(request, "integrations/rules/edit.html", context, status=status)


DECISIONS = [
    (Decision.ALLOW.value, "Allow", "check"),
    (Decision.ASK.value, "Ask a person", "hand"),
    (Decision.DENY.value, "Deny", "ban"),
]
"""The value, the label and the icon of each decision."""


def _shown(index: int, card: Card, parameters: Parameters, errors: Sequence[FieldError]) -> dict[str, Any]:
    """Return what the template needs of a card: the start of its fields' names, and what is wrong with no field."""
    place = f"rules[{index}]"
    return {
        "index": index,
        "place": place,
        "rule": card,
        "name": f"rule-{index}-",
        "arguments": list(parameters.get(card.operation, {})),
        "words": _words(card, parameters),
        "errors": [error.message for error in errors if error.field.startswith(f"{place}.arguments")],
    }


def _words(card: Card, parameters: Parameters) -> str:
    """Return what a rule says; empty while it cannot be one."""
    try:
        return in_words(rules_of_cards([card], parameters)[0])
    except Invalid:
        return ""


def _operations(integration: Integration) -> list[str]:
    """Return what rules of the integration may be about: its operations, and the tools that are known of a server."""
    calling = KINDS[integration.kind].calling_operation
    names = integration.remote_tools.order_by("name").values_list("name", flat=True) if calling else ()
    return [*operations_of(integration), *(f"{calling}:{name}" for name in names), CHECK]


def _parameters(integration: Integration) -> Parameters:
    """Return the declared parameters of operations, and those of tools as their server shows them."""
    found = dict(parameters_of(operations_of(integration)))
    calling = KINDS[integration.kind].calling_operation
    for tool in integration.remote_tools.all() if calling else ():
        schema = (tool.approved_definition or tool.shown_definition or {}).get("inputSchema")
        properties = schema.get("properties") if isinstance(schema, dict) else None
        found[f"{calling}:{tool.name}"] = properties if isinstance(properties, dict) else {}
    return found


def _keys(actor: Actor, cards: Sequence[Card]) -> list[ApiKey]:
    """Return the newest API keys in force, and those that the cards name."""
    mine = ApiKey.objects.filter(organization=actor.organization, parent=None)
    newest = mine.filter(revoked_at=None).order_by("-created_at")[:KEYS_OFFERED]
    named = mine.filter(pk__in=ids_in(cards, "keys"))
    return sorted({key.pk: key for key in (*newest, *named)}.values(), key=lambda key: key.name)


def _members(actor: Actor) -> list[Membership]:
    """Return the people who do not decide anyway."""
    rows = Membership.objects.filter(organization=actor.organization, role=Role.MEMBER.value)
    return list(rows.select_related("user").order_by("user__email"))


def _inherited(integration: Integration) -> list[tuple[Integration, list[str]]]:
    """Return the rules in words that the connection and the connector add."""
    parents = with_parents(integration)[1:]
    found = [(link, [in_words(rule) for rule in rules_of(link) if rule.operation is None]) for link in parents]
    return [(link, sentences) for link, sentences in found if sentences]


def _outdated(integration: Integration) -> list[tuple[str, str]]:
    """Return rules in words whose operation no longer has an argument that they are about, and the argument."""
    found = [(rule, sorted(unknown_arguments(integration, rule))) for rule in rules_of(integration)]
    return [(in_words(rule), unknown[0]) for rule, unknown in found if unknown]
