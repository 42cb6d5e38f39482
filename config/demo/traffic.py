"""A week of an agent's calls by the hour, so that the overview has days and nights; and a credential that was revoked.

HubSpot, which the demo never calls, has refused its key for three hours. The last few runs of the demo are real calls.
"""

import random
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.actors import Actor
from accounts.common.environments import Environment
from integrations.figures.keeping import count_hours
from integrations.health import judging
from integrations.models import Integration, Run, RunOutcome, RunSecret
from secrets_app.models import SecretValue

DAYS = 7
BUSY, QUIET = range(6, 18), range(20, 24)
REFUSED_FOR = timedelta(hours=3)
LOOK_UP, LOG_CALL = "Look up patient", "Log call"
TYPICAL_MS = {LOOK_UP: 180, LOG_CALL: 320}


def load_traffic(agent: Actor) -> None:
    """Invent the calls of the last week and what they said of their integrations, and count them."""
    chance, now = random.Random("traffic"), timezone.now()  # noqa: S311 - the same picture in every demo
    for name in TYPICAL_MS:
        integration = Integration.objects.get(organization=agent.organization, name=name)
        runs = [_run(agent, integration, moment, now, chance) for moment in _moments(now, chance)]
        Run.objects.bulk_create(runs)
        RunSecret.objects.bulk_create(_uses(integration, runs))
        judging.note(judging.verdict(run, run.outcome, run.error_code, run.status) for run in runs[:1])
        judging.note(judging.verdict(run, run.outcome, run.error_code, run.status) for run in runs[-1:])
    count_hours(agent.organization.pk)


def _moments(now: datetime, chance: random.Random) -> list[datetime]:
    """Return the times of the calls, the earliest first: many by day, few by night."""
    hours = [now - timedelta(hours=back) for back in range(24 * DAYS)]
    found = [
        hour - timedelta(seconds=chance.randrange(3_600))
        for hour in hours
        for _ in range(
            chance.randrange(5, 12) if hour.hour in BUSY else chance.randrange(0 if hour.hour in QUIET else 1, 3)
        )
    ]
    return sorted(found)


def _run(agent: Actor, integration: Integration, moment: datetime, now: datetime, chance: random.Random) -> Run:
    is_refused = integration.name == LOG_CALL and moment > now - REFUSED_FOR
    return Run(
        organization=agent.organization,
        integration_id=integration.pk,
        integration_name=integration.name,
        kind=integration.kind,
        operation="call",
        environment=Environment.PRODUCTION.value,
        caller_kind=agent.kind.value,
        caller_id=agent.id,
        principal_id=agent.key_id,
        caller=agent.label,
        outcome=(RunOutcome.UPSTREAM_ERROR if is_refused else RunOutcome.SUCCEEDED).value,
        host="api.hubapi.com" if integration.name == LOG_CALL else "127.0.0.1",
        status=401 if is_refused else 200,
        duration_ms=max(9, round(TYPICAL_MS[integration.name] * chance.lognormvariate(0, 0.45))),
        started_at=moment,
    )


def _uses(integration: Integration, runs: list[Run]) -> list[RunSecret]:
    parents = [integration, integration.auth_connector, integration.connection]
    secrets = [row.secret_id for link in parents if link for row in link.references.all()]
    values = SecretValue.objects.current().filter(secret__in=secrets, environment=Environment.PRODUCTION.value)
    found = list(values.select_related("secret"))
    return [
        RunSecret(
            run=run, secret_id=value.secret_id, name=value.secret.name, version=value.version, started_at=run.started_at
        )
        for run in runs
        for value in found
    ]
