"""A month of invented runs for the demo, so that its charts have something to show; the last few runs are real calls.

Most runs succeed. Each way in which a run can end otherwise is there at least once for each integration that it fits.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.actors import Actor
from accounts.common.environments import Environment, in_order
from config.demo.stand_ins import sip
from integrations.models import Integration, Run, RunOutcome, RunSecret
from secrets_app.models import SecretValue

DAYS = 30
SATURDAY = 5
TIME_LIMIT_MS = 20_000


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended: outcome, code of the refusal or failure, HTTP status of the other side."""

    outcome: RunOutcome
    code: str = ""
    status: int | None = None


LEFT_OPEN = End(RunOutcome.STARTED)
"""The process ended in the middle of the run."""
CANCELLED = End(RunOutcome.FAILED, "cancelled")
TOO_SLOW = End(RunOutcome.FAILED, "upstream_timeout")
UNREACHABLE = End(RunOutcome.FAILED, "upstream_unreachable")
UNREADABLE = End(RunOutcome.FAILED, "response_unreadable")
BAD_ARGUMENTS = End(RunOutcome.REFUSED, "invalid_arguments")
DISABLED = End(RunOutcome.REFUSED, "secret_disabled")
PAUSED = End(RunOutcome.REFUSED, "rate_limited")


def _answered(status: int) -> End:
    return End(RunOutcome.UPSTREAM_ERROR, "", status)


HTTP_ENDS = [_answered(404), _answered(503), TOO_SLOW, UNREACHABLE, BAD_ARGUMENTS, DISABLED]
ENDS = {
    "api_action": HTTP_ENDS,
    "calcom": [_answered(400), _answered(429), PAUSED, TOO_SLOW, BAD_ARGUMENTS],
    "mcp_server": [End(RunOutcome.UPSTREAM_ERROR), UNREADABLE, TOO_SLOW, BAD_ARGUMENTS],
    "sip_trunk": [BAD_ARGUMENTS, BAD_ARGUMENTS, DISABLED],
}
WITH_STATUS = {"api_action", "calcom"}
"""The kinds whose runs record the HTTP status of the other side."""
OPERATIONS = {
    "api_action": ["call"],
    "calcom": ["list_slots", "list_slots", "list_slots", "create_booking", "reschedule_booking", "cancel_booking"],
    "mcp_server": ["call_tool"],
    "sip_trunk": ["sign"],
}


def load_history(owner: Actor, agent: Actor, integrations: list[Integration]) -> None:
    """Invent the past of the integrations that have operations. The agent made the runs in Production."""
    chance = random.Random("coffer")  # noqa: S311 - the same picture in every demo
    runs, used = [], []
    extra = [LEFT_OPEN, CANCELLED]
    for integration in (one for one in integrations if one.kind in OPERATIONS):
        values, moments = _values(integration), _moments(chance)
        ends = _ends(integration.kind, ENDS[integration.kind] + extra, len(moments), chance)
        extra = []  # these two happened to one integration only
        for started_at, end in zip(moments, ends, strict=True):
            run = _run(owner, agent, integration, started_at, end, chance)
            runs.append(run)
            used += _uses(run, values)
    Run.objects.bulk_create(runs)
    RunSecret.objects.bulk_create(used)


def _moments(chance: random.Random) -> list[datetime]:
    now = timezone.now()
    days = [now - timedelta(days=number) for number in range(DAYS)]
    return [
        day - timedelta(minutes=chance.randrange(10, 1400))
        for day in days
        for _ in range(chance.randrange(2, 9) if day.weekday() < SATURDAY else chance.randrange(1, 3))
    ]


def _ends(kind: str, rare: list[End], count: int, chance: random.Random) -> list[End]:
    """As many as there are runs: the rare ones once each, and successes, in any order."""
    success = End(RunOutcome.SUCCEEDED, "", 200 if kind in WITH_STATUS else None)
    ends = [*rare, *[success] * (count - len(rare))]
    chance.shuffle(ends)
    return ends


def _values(integration: Integration) -> list[SecretValue]:
    links = [link for link in (integration, integration.auth_connector, integration.connection) if link]
    secrets = [row.secret_id for link in links for row in link.references.all()]
    return list(SecretValue.objects.current().filter(secret__in=secrets).select_related("secret"))


def _run(
    owner: Actor, agent: Actor, integration: Integration, started_at: datetime, end: End, chance: random.Random
) -> Run:
    environment = _environment(integration, chance)
    caller = agent if environment is Environment.PRODUCTION else owner
    duration = _duration(integration.kind, end, chance)
    return Run(
        organization=owner.organization,
        integration_id=integration.id,
        integration_name=integration.name,
        kind=integration.kind,
        operation=chance.choice(OPERATIONS[integration.kind]),
        environment=environment.value,
        caller_kind=caller.kind.value,
        caller_id=caller.id,
        principal_id=caller.key_id,
        caller=caller.label,
        outcome=end.outcome.value,
        error_code=end.code,
        note=_note(integration.kind, chance),
        host="127.0.0.1",
        status=end.status,
        duration_ms=duration,
        **_measured(integration.kind, end, duration or 0, chance),
        started_at=started_at,
    )


def _environment(integration: Integration, chance: random.Random) -> Environment:
    """Production for most runs, where the integration runs there."""
    choices = in_order(integration.environments)
    return choices[-1] if chance.random() < 0.7 else chance.choice(choices)  # noqa: PLR2004 - seven in ten


def _note(kind: str, chance: random.Random) -> str:
    """What the operation `sign` records of a challenge; other operations record nothing."""
    return f"REGISTER, nonce {chance.randbytes(8).hex()}, SHA-256, {sip.REALM}" if kind == "sip_trunk" else ""


def _duration(kind: str, end: End, chance: random.Random) -> int | None:
    if end.outcome is RunOutcome.STARTED:
        return None
    if end.outcome is RunOutcome.REFUSED:
        return 0
    if end is TOO_SLOW:
        return TIME_LIMIT_MS + chance.randrange(2, 30)
    return chance.randrange(2, 9) if kind == "sip_trunk" else chance.randrange(40, 400)


def _measured(kind: str, end: End, duration: int, chance: random.Random) -> dict[str, Any]:
    """Return the steps of a run, its address and the size of its answer, as far as it came."""
    own = {"admitted": round(chance.uniform(0.6, 2.4), 2)}
    request = {"request_id": chance.randbytes(16).hex()}
    if end.outcome in {RunOutcome.REFUSED, RunOutcome.STARTED}:
        return {"steps": own, **request}
    own["opened"] = round(chance.uniform(0.3, 0.9), 2)
    after = {"recorded": round(chance.uniform(0.9, 3.1), 2)}
    if kind == "sip_trunk":
        return {"steps": own | after, **request}
    connected = {"judged": round(chance.uniform(0.2, 1.1), 2), "sent": round(chance.uniform(0.5, 6.0), 2)}
    answered = {"answered": max(0.4, round(duration - sum(connected.values()), 2))}
    masked = {} if end.outcome is RunOutcome.FAILED else {"masked": round(chance.uniform(0.2, 1.4), 2)}
    size = None if end.outcome is RunOutcome.FAILED else chance.randrange(90, 4_000)
    return {
        "steps": own | connected | answered | masked | after, "address": "127.0.0.1", "answer_bytes": size, **request,
    }  # fmt: skip


def _uses(run: Run, values: list[SecretValue]) -> list[RunSecret]:
    """The secrets that a run used; a refused run used none."""
    if run.outcome == RunOutcome.REFUSED.value:
        return []
    return [
        RunSecret(
            run=run, secret_id=value.secret_id, name=value.secret.name, version=value.version, started_at=run.started_at
        )
        for value in values
        if value.environment == run.environment
    ]
