"""A month of runs for the demo, so that its charts have something to show. The last few are real calls."""

import random
from datetime import datetime, timedelta

from asgiref.sync import async_to_sync
from django.utils import timezone

from accounts.actors import Actor
from accounts.common.environments import Environment, in_order
from integrations.broker import broker
from integrations.broker.preparation import Call
from integrations.models import Integration, Run, RunOutcome, RunSecret
from secrets_app.models import SecretValue

DAYS = 30
ARGUMENTS = {
    "Look up patient": {
        "phone": "+49 40 5550 0142",
        "birth_date": "1987-04-12",
        "clinic_id": "harbor-altona",
        "call_id": "c-104",
    },
    "Create follow-up task": {"title": "Call Lena back"},
    "Send test event": {},
}


def load_history(owner: Actor, actions: list[Integration]) -> None:
    """Invent the past."""
    chance = random.Random("coffer")  # noqa: S311 - the same picture in every demo
    runs, used = [], []
    for action in actions:
        values = _values(action)
        for started_at in _moments(chance):
            environment = chance.choice(in_order(action.environments))
            run = _run(owner, action, environment, started_at, chance)
            runs.append(run)
            used += [
                RunSecret(
                    run=run,
                    secret_id=value.secret_id,
                    name=value.secret.name,
                    version=value.version,
                    started_at=started_at,
                )
                for value in values
                if value.environment == environment.value
            ]
    Run.objects.bulk_create(runs)
    RunSecret.objects.bulk_create(used)


def call_each(owner: Actor, actions: list[Integration]) -> None:
    """Make one real call for each action."""
    for action in actions:
        async_to_sync(broker.run)(owner, Call(action.id, Environment.STAGING, params=ARGUMENTS[action.name]))


def _moments(chance: random.Random) -> list[datetime]:
    now = timezone.now()
    return [
        now - timedelta(days=day, minutes=chance.randrange(10, 1400))
        for day in range(DAYS)
        for _ in range(chance.randrange(2, 9) if (now - timedelta(days=day)).weekday() < 5 else chance.randrange(1, 3))  # noqa: PLR2004
    ]


def _values(action: Integration) -> list[SecretValue]:
    links = [action, *([action.auth_connector] if action.auth_connector else [])]
    secrets = [row.secret_id for link in links for row in link.references.all()]
    return list(SecretValue.objects.current().filter(secret__in=secrets).select_related("secret"))


def _run(
    owner: Actor, action: Integration, environment: Environment, started_at: datetime, chance: random.Random
) -> Run:
    failed = chance.random() < 0.02  # noqa: PLR2004 - one in fifty
    return Run(
        organization=owner.organization,
        integration_id=action.id,
        integration_name=action.name,
        kind=action.kind,
        operation="call",
        environment=environment.value,
        caller_kind=owner.kind.value,
        caller_id=owner.id,
        caller=owner.label,
        outcome=(RunOutcome.UPSTREAM_ERROR if failed else RunOutcome.SUCCEEDED).value,
        host="127.0.0.1",
        status=503 if failed else 200,
        duration_ms=chance.randrange(40, 400),
        started_at=started_at,
    )
