"""What the end of a run says of its integration in its environment, and the row that keeps it.

The row is written only when that changes, or a minute after it was written last, and not while another run writes it.
"""

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import DatabaseError, transaction

from accounts.occurrences import Occurred, record
from integrations.models import BegunRun, IntegrationState, Run, RunOutcome

WRITTEN_EVERY = timedelta(minutes=1)
REMEMBERED = 10_000

REFUSES_CREDENTIAL = {401, 403, 407}
SERVER_ERROR = 500

logger = logging.getLogger(__name__)

MENDED_BY_A_PERSON = {
    "secret_missing", "secret_disabled", "key_unavailable", "domain_not_allowed", "egress_denied",
}  # fmt: skip
"""Refusals before anything is sent that come again until a person changes something. What `Integration` itself says (it
is disabled, it does not run there) is no matter of runs."""

SAY_NOTHING = {
    "cancelled", "interrupted", "internal_error", "unauthenticated", "agents_stopped", "agent_stopped",
    "integration_disabled", "rate_limited", "out_of_resources", "argument_contains_secret", "invalid_arguments",
    "request_timed_out", "too_large", "answer_withheld",
}  # fmt: skip
"""Codes of failed runs of which neither the integration nor its upstream is the cause. Those of the second half stop a
body that flows: the caller's, or an answer that cannot be shown."""

Said = tuple[bool, str, int | None]
WORKS: Said = (False, "", None)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a run said of its integration in its environment: whether it fails, and the code and status of a failure."""

    run: Run | BegunRun
    said: Said


KNOWN: dict[tuple[UUID, str], tuple[Said, float]] = {}
"""What this process wrote last of an integration in an environment, and until when it does not write the same again."""


def verdict(run: Run | BegunRun, outcome: str, code: str, status: int | None) -> Judgement | None:
    """Return what a run said, that ended so; None if it said nothing.

    An upstream that answers with an error of its own, or refuses the credential, makes an integration fail. Any other
    answer says that it works, also one about a mistake of the caller.
    """
    failing = _is_failing(outcome, code, status)
    return None if failing is None else Judgement(run, (True, code, status) if failing else WORKS)


def _is_failing(outcome: str, code: str, status: int | None) -> bool | None:
    if outcome == RunOutcome.SUCCEEDED.value:
        return False
    if outcome == RunOutcome.UPSTREAM_ERROR.value:
        return status is not None and (status >= SERVER_ERROR or status in REFUSES_CREDENTIAL)
    if outcome == RunOutcome.REFUSED.value:
        return True if code in MENDED_BY_A_PERSON else None
    return True if outcome == RunOutcome.FAILED.value and code not in SAY_NOTHING else None


def note(verdicts: Iterable[Judgement | None]) -> None:
    """Keep what runs said, unless this process has written the same recently. What cannot be written is left out."""
    found = [one for one in verdicts if one and _is_due(one)]
    for one in sorted(found, key=lambda one: (str(one.run.integration_id), one.run.environment)):
        try:
            written = _write(one)
        except DatabaseError as fault:  # the runs themselves are recorded
            logger.warning("the state of an integration was not recorded: %s", type(fault).__name__)
            continue
        if written:
            if len(KNOWN) >= REMEMBERED:
                KNOWN.clear()
            KNOWN[_place(one)] = one.said, time.monotonic() + WRITTEN_EVERY.total_seconds()


def _place(one: Judgement) -> tuple[UUID, str]:
    return one.run.integration_id, one.run.environment


def _is_due(one: Judgement) -> bool:
    said, until = KNOWN.get(_place(one), (None, 0))
    return said != one.said or until <= time.monotonic()


def _write(one: Judgement) -> bool:
    """Write the row; return whether no other run was writing it."""
    run, (failing, *_) = one.run, one.said
    rows = IntegrationState.objects.filter(integration=run.integration_id, environment=run.environment)
    with transaction.atomic():
        row = rows.select_for_update(skip_locked=True, of=("self",)).first()
        if row is None:
            return not rows.exists() and _create(one)
        if row.seen_at > run.started_at:
            return True
        if row.failing != failing:
            row.since = run.started_at
            _tell(one)
        _fill(row, one).save()
    return True


def _create(one: Judgement) -> bool:
    run = one.run
    row = IntegrationState(
        organization_id=run.organization_id, integration_id=run.integration_id, environment=run.environment,
        since=run.started_at,
    )  # fmt: skip
    IntegrationState.objects.bulk_create([_fill(row, one)], ignore_conflicts=True)
    if one.said != WORKS:
        _tell(one)
    return True


def _tell(one: Judgement) -> None:
    """Tell who wants to know that an integration begins to fail, or works again."""
    run, (failing, code, status) = one.run, one.said
    told: dict[str, object] = {
        "integration": {"id": str(run.integration_id), "name": run.integration_name},
        "environment": run.environment,
        "run": {"id": str(run.id)},
    }
    if not failing:
        record(run.organization_id, Occurred.INTEGRATION_RECOVERED, told)
    else:
        record(run.organization_id, Occurred.INTEGRATION_FAILING, {**told, "code": code, "status": status})


def _fill(row: IntegrationState, one: Judgement) -> IntegrationState:
    row.failing, row.error_code, row.status = one.said
    row.run_id, row.seen_at = one.run.id, one.run.started_at
    return row
