"""An integration's harmless check, step by step (API.md, `POST /integrations/{id}/test`)."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from accounts.actors import Actor
from accounts.database import in_database
from accounts.environments import Environment
from accounts.errors import NotFound, PermissionDenied, Refusal
from accounts.policy import Permission
from integrations import broker
from integrations.conversations import Conversation
from integrations.kinds import KINDS
from integrations.lineage import parents_of
from integrations.models import Integration, RunOutcome
from integrations.preparation import Call

PASSED, FAILED, NOT_CHECKABLE = "passed", "failed", "not_checkable"


@dataclass(frozen=True, slots=True)
class Step:
    """What one step found: `passed`, `failed` with a code, or `not_checkable`."""

    name: str
    outcome: str
    code: str | None
    detail: str

    @property
    def title(self) -> str:
        """Its name as a heading."""
        return self.name.replace("_", " ").capitalize()

    def as_json(self) -> dict[str, Any]:
        """The step as the API gives it."""
        return {"name": self.name, "outcome": self.outcome, "code": self.code, "detail": self.detail}


async def check(actor: Actor, integration_id: UUID, environment: Environment) -> list[Step]:
    """Make the check that the integration declares, with the values of one environment; it is recorded as a run.

    Raises:
        NotFound, PermissionDenied: as for a run. Every other refusal is a failed step.
    """
    if not await in_database(_is_checkable, actor, integration_id, environment):
        return [Step("request", NOT_CHECKABLE, None, "No harmless check is declared for this integration.")]
    try:
        result = await broker.run(actor, Call(integration_id, environment, check=True))
    except (NotFound, PermissionDenied):
        raise
    except Refusal as refusal:
        return [Step("request", FAILED, refusal.code, refusal.detail)]
    if result.outcome is RunOutcome.SUCCEEDED:
        return [Step("request", PASSED, None, f"The upstream answered {result.answer.status}.")]
    return [Step("request", FAILED, RunOutcome.UPSTREAM_ERROR.value, f"The upstream answered {result.answer.status}.")]


def _is_checkable(actor: Actor, integration_id: UUID, environment: Environment) -> bool:
    integration = Integration.objects.fetch(actor, integration_id)
    actor.check(Permission.INTEGRATIONS_RUN)
    actor.check_environments(environment)
    return declared_check(integration) is not None


def declared_check(integration: Integration) -> Conversation | None:
    """The harmless check of an integration; None when it declares none."""
    kind = KINDS[integration.kind]
    return kind.check(kind.parse_config(integration.config), parents_of(integration))
