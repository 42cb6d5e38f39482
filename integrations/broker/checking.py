"""Running the harmless check of an integration (docs/concepts.md, "Checks")."""

from dataclasses import replace
from uuid import UUID

from accounts.actors import Actor
from accounts.common.database import in_database
from accounts.common.environments import Environment
from accounts.errors import NotFound, PermissionDenied, Refusal
from accounts.policy import Permission
from integrations.broker import broker
from integrations.broker.masking import BodyType
from integrations.broker.preparation import Call
from integrations.exchange.exchange import Exchange
from integrations.exchange.steps import FAILED, NOT_CHECKABLE, PASSED, Step
from integrations.inheritance import parents_of
from integrations.kinds import KINDS
from integrations.models import Integration, RunOutcome

WITHHELD = "The result of the check is withheld because it contains a value, or a text as short as a value."


async def check(actor: Actor, integration_id: UUID, environment: Environment) -> list[Step]:
    """Run the check of an integration with the values of one environment. It is recorded as a run.

    Returns:
        the steps of the check. Refusals other than those below become a failed step.

    Raises:
        NotFound, PermissionDenied: as for a run.
    """
    declared = await in_database(_declared, actor, integration_id, environment)
    if declared is None:
        return [Step("request", NOT_CHECKABLE, None, "No harmless check is declared for this integration.")]
    return await attempt(actor, Call(integration_id, environment, check=True), declared)


async def attempt(actor: Actor, call: Call, declared: Exchange) -> list[Step]:
    """Run a planned check and return its steps. Refusals other than those below become a failed step.

    Args:
        declared: the exchange that the kind planned for the check.

    Raises:
        NotFound, PermissionDenied: as for a run.
    """
    try:
        result = await broker.run(actor, call)
    except (NotFound, PermissionDenied):
        raise
    except Refusal as refusal:
        return [Step("request", FAILED, refusal.code, refusal.detail)]
    if declared.reports_steps and result.answer.body_type is not BodyType.WITHHELD:
        return [Step(**step) for step in result.answer.body["steps"]]
    said = WITHHELD if declared.reports_steps else f"The upstream answered {result.answer.status}."
    if result.outcome is RunOutcome.SUCCEEDED:
        return [Step("request", PASSED, None, said)]
    return [Step("request", FAILED, RunOutcome.UPSTREAM_ERROR.value, said)]


def in_one(steps: list[Step]) -> Step:
    """Combine the steps of a check into one step.

    Its outcome is `failed` if a step failed, otherwise `not_checkable` if a step could not be checked, otherwise
    `passed`.
    """
    for outcome in (FAILED, NOT_CHECKABLE, PASSED):
        found = [step for step in steps if step.outcome == outcome]
        if found:
            return replace(found[0], detail=" ".join(step.detail for step in found))
    return steps[0]


def _declared(actor: Actor, integration_id: UUID, environment: Environment) -> Exchange | None:
    integration = Integration.objects.fetch(actor, integration_id)
    actor.check(Permission.INTEGRATIONS_RUN)
    actor.check_environments(environment)
    return declared_check(integration)


def declared_check(integration: Integration) -> Exchange | None:
    """Return the planned check of an integration; None if its kind or configuration has none."""
    kind = KINDS[integration.kind]
    return kind.check(kind.parse_config(integration.config), parents_of(integration))
