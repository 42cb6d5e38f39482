"""`/api/v1/integrations/{id}/rules`: what callers may do with an integration, may not, or have to ask for."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from accounts.access.route_permissions import key_requires
from accounts.api.authentication import actor_of
from accounts.api.preconditions import expected_version
from accounts.api.schemas import PROBLEMS_OF_ONE, ProblemOut, StrictSchema
from accounts.common.environments import Environment
from accounts.policy import Permission
from integrations.broker.preparation import Call
from integrations.broker.trying import Tried, would_happen
from integrations.editing.rules import set_rules
from integrations.models import Integration
from integrations.rules.reading import read_rules
from integrations.rules.shape import Decision, Per, Rule

router = Router()


class RulesOut(Schema):
    """The rules of an integration, in their order, and the version of the integration."""

    rules: list[Rule]
    version: int


class RulesIn(StrictSchema):
    """The rules that an integration is to have; others are removed."""

    rules: list[Rule] = Field(description="At most 50. The strictest that applies decides, of equal ones the first.")


class TryIn(StrictSchema):
    """A call that is not made."""

    environment: Environment
    operation: str | None = Field(default=None, description="May be left out if the integration has only one.")
    params: dict[str, Any] = {}
    key: UUID | None = Field(default=None, description="The API key that would call; by default the caller.")


class RuleOfOut(Schema):
    """Where a rule stands."""

    integration: UUID = Field(description="The integration, or its connection.")
    integration_name: str
    index: int = Field(description="From 0.")


class LimitOut(Schema):
    """A limit that would count the call."""

    rule: RuleOfOut
    calls: int
    per: Per
    used: int = Field(description="How many calls it has counted in the span until now.")


class TriedOut(Schema):
    """What would happen."""

    decision: Decision
    code: str | None = Field(description="Of the refusal; null if the call would be made.")
    why: str
    rule: RuleOfOut | None = Field(description="The rule that decides; null if none does.")
    pointer: str | None = Field(description="A JSON Pointer to the argument that a rule does not allow.")
    limits: list[LimitOut]


@router.get(
    "/{uuid:integration_id}/rules",
    response={200: RulesOut, **PROBLEMS_OF_ONE},
    summary="The rules of an integration",
    exclude_unset=True,
)
@key_requires(Permission.INTEGRATIONS_READ)
def get_rules(request: HttpRequest, integration_id: UUID) -> dict[str, Any]:
    """In their order. What is as if left out is left out."""
    return _rules_out(Integration.objects.fetch(actor_of(request), integration_id))


@router.put(
    "/{uuid:integration_id}/rules",
    response={200: RulesOut, **PROBLEMS_OF_ONE, 412: ProblemOut},
    summary="Replace the rules",
    exclude_unset=True,
)
@key_requires(Permission.RULES_WRITE)
def put_rules(request: HttpRequest, integration_id: UUID, payload: RulesIn) -> dict[str, Any]:
    """They hold from the next call on."""
    written = [rule.as_json() for rule in payload.rules]
    integration = set_rules(
        actor=actor_of(request),
        integration_id=integration_id,
        rules=read_rules(written),
        expected_version=expected_version(request),
    )
    return _rules_out(integration)


@router.post(
    "/{uuid:integration_id}/rules/try",
    response={200: TriedOut, **PROBLEMS_OF_ONE},
    summary="What would happen to a call",
)
@key_requires(Permission.INTEGRATIONS_READ)
def try_rules(request: HttpRequest, integration_id: UUID, payload: TryIn) -> dict[str, Any]:
    """Which rule decides, and why. No value is opened, nothing is sent, counted or recorded."""
    call = Call(integration_id, payload.environment, payload.operation, payload.params)
    return _tried_out(would_happen(actor_of(request), call, payload.key))


def _rules_out(integration: Integration) -> dict[str, Any]:
    return {"rules": integration.rules, "version": integration.version}


def _tried_out(tried: Tried) -> dict[str, Any]:
    ruling, refusal = tried.ruling, tried.ruling.refusal
    asks = ruling.decision is Decision.ASK
    return {
        "decision": ruling.decision,
        "code": refusal.code if refusal else "approval_needed" if asks else None,
        "why": ruling.why,
        "rule": ruling.source.as_json() if ruling.source else None,
        "pointer": refusal.members.get("pointer") if refusal else None,
        "limits": tried.counted,
    }
