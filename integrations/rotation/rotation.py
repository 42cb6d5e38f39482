"""Checking a staged value on every reference, and promoting it (docs/concepts.md, "Rotation").

A check is the integration's own harmless check, performed by the broker and recorded as a run, with the staged value
instead of the current one. Other runs keep using the current value.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.actors import Actor
from accounts.common.database import in_database
from accounts.common.environments import Environment
from accounts.errors import NotFound
from accounts.policy import Permission
from integrations.broker.checking import FAILED, NOT_CHECKABLE, PASSED, Step, attempt, in_one
from integrations.broker.preparation import Call, cannot_open
from integrations.errors import ChecksFailed
from integrations.models import RotationCheck
from integrations.rotation.checks import (
    CheckResult,
    Probe,
    ReferenceCheck,
    hidden_references,
    not_checkable,
    reference_checks,
)
from secrets_app.errors import NothingStaged
from secrets_app.models import Secret, SecretValue, ValueState
from secrets_app.rotation import rotation
from secrets_app.sealing import keyring

AT_ONCE = 8
"""How many checks of a request run concurrently."""


async def check(
    actor: Actor, secret_id: UUID, environment: Environment, *, only: UUID | None = None
) -> tuple[SecretValue, list[ReferenceCheck]]:
    """Check the staged value on its references; each result is stored as soon as it is known.

    An integration that serves several references is called once.

    Args:
        only: the id of one reference; None for all.

    Returns:
        the value that was checked, and all its references with their results.

    Raises:
        NotFound, PermissionDenied: also if `only` is not a live reference; the permission to run is required as well.
        NothingStaged: there is no staged value, or it was replaced during the checks.
    """
    staged, checked = await in_database(look, actor, secret_id, environment, to_run=True)
    chosen = [reference_check for reference_check in checked if only in {None, reference_check.reference.id}]
    if only and not chosen:
        raise NotFound("No such reference.")
    gate, started = asyncio.Semaphore(AT_ONCE), timezone.now()
    probes = {probe.integration.id: probe for reference_check in chosen for probe in reference_check.probes}
    running = {key: asyncio.ensure_future(_limited(gate, actor, probe, staged)) for key, probe in probes.items()}
    try:
        await asyncio.gather(*[_store_result(staged, reference_check, running, started) for reference_check in chosen])
    finally:
        for task in running.values():
            task.cancel()
    return staged, await in_database(_found, actor, staged)


def look(
    actor: Actor, secret_id: UUID, environment: Environment, *, to_run: bool = False
) -> tuple[SecretValue, list[ReferenceCheck]]:
    """Return the staged value and the results so far.

    Raises:
        NotFound, PermissionDenied: the actor may not write this secret or use this environment.
        NothingStaged: there is no staged value.
    """
    actor.check(Permission.SECRETS_WRITE)
    if to_run:
        actor.check(Permission.INTEGRATIONS_RUN)
    actor.check_environments(environment)
    secret = Secret.objects.fetch(actor.organization, secret_id)
    staged = rotation.staged_value(secret, environment)
    return staged, reference_checks(actor, staged)


def forget(actor: Actor, secret_id: UUID, environment: Environment) -> None:
    """Delete the results of the staged value, so that every reference is checked again.

    Raises:
        NotFound, PermissionDenied, NothingStaged: as `look`.
    """
    staged, _ = look(actor, secret_id, environment, to_run=True)
    RotationCheck.objects.filter(value=staged).delete()


def promote(
    *,
    actor: Actor,
    secret_id: UUID,
    environment: Environment,
    accept_failures: bool,
    accepted: frozenset[UUID] | None = None,
    expected: UUID | None = None,
) -> Secret:
    """Make the staged value the current value, if it passed everywhere or the failures are accepted.

    Args:
        accept_failures: promote also if some results are not `passed`, or nothing could be checked.
        accepted: the failed references that the person has seen; None accepts any.
        expected: the staged value that the person has seen.

    Raises:
        NotFound, PermissionDenied, NothingStaged, EditConflict: as `secrets_app.rotation.rotation.promote`.
        ChecksFailed: with all results as the member `results`.
        KeyUnavailable: the staged value cannot be decrypted.
    """

    def judge(staged: SecretValue) -> list[str]:
        if not keyring.is_openable(staged):
            raise cannot_open(staged.secret.name, environment)
        checked, hidden = reference_checks(actor, staged), hidden_references(actor, staged)
        not_passed = [check for check in checked if not check.passed]
        unaccepted = accepted is not None and not {check.reference.id for check in not_passed} <= accepted
        if (not_passed or hidden or not checked) and (not accept_failures or unaccepted):
            raise _failed(checked, not_passed, hidden)
        return _accepted(not_passed, hidden)

    return rotation.promote(actor=actor, secret_id=secret_id, environment=environment, approve=judge, expected=expected)


def _accepted(not_passed: list[ReferenceCheck], hidden: int) -> list[str]:
    """Return the failures that are promoted nevertheless, for the audit log."""
    return [check.label for check in not_passed] + ([f"{hidden} not visible to this key"] if hidden else [])


def forget_old() -> int:
    """Delete the results of values that are no longer staged; return how many. Called by housekeeping."""
    old = RotationCheck.objects.exclude(value__state=ValueState.STAGED.value)
    return old.delete()[0]


async def _limited(gate: asyncio.Semaphore, actor: Actor, probe: Probe, staged: SecretValue) -> Step:
    call = Call(probe.integration.id, Environment(staged.environment), check=True, staged=staged.id)
    async with gate:
        try:
            return in_one(await attempt(actor, call, probe.check))
        except NotFound:
            return Step("request", NOT_CHECKABLE, None, "The integration was deleted during the check.")


async def _store_result(
    staged: SecretValue, reference_check: ReferenceCheck, running: Mapping[UUID, Awaitable[Step]], started: datetime
) -> None:
    # All checks are running already, so awaiting them in turn takes as long as the slowest.
    steps = [await running[probe.integration.id] for probe in reference_check.probes]
    await in_database(_store, staged, reference_check.reference.id, _combined(steps, reference_check), started)


def _found(actor: Actor, staged: SecretValue) -> list[ReferenceCheck]:
    if not SecretValue.objects.filter(pk=staged.pk, state=ValueState.STAGED.value).exists():
        raise NothingStaged("This value was promoted, discarded or staged again during the check.")
    return reference_checks(actor, staged)


def _combined(steps: list[Step], reference_check: ReferenceCheck) -> CheckResult:
    """Combine the results of several checks of a reference: the first failure, otherwise `passed`."""
    for step, probe in zip(steps, reference_check.probes, strict=True):
        if step.outcome == FAILED:
            itself = probe.integration.id == reference_check.reference.integration_id
            return CheckResult(FAILED, step.code, step.detail if itself else f"{probe.integration.name}: {step.detail}")
    found = [step for step in steps if step.outcome != NOT_CHECKABLE]
    if not found:
        return not_checkable(reference_check.why_not or steps[0].detail)
    if reference_check.partial:
        return not_checkable("This API key cannot see all integrations that use it.")
    if len(found) > 1:
        return CheckResult(PASSED, None, f"All {len(found)} integrations that use it accept the value.")
    return CheckResult(PASSED, None, found[0].detail)


def _store(staged: SecretValue, reference_id: UUID, result: CheckResult, started: datetime) -> None:
    """Store a result if the value is still staged.

    The result counts from the start of the check, so an integration that was saved during it must be checked again.
    """
    with transaction.atomic():
        locked = Secret.objects.select_for_update().filter(pk=staged.secret_id).exists()
        if not locked or not SecretValue.objects.filter(pk=staged.pk, state=ValueState.STAGED.value).exists():
            return
        RotationCheck.objects.update_or_create(
            value=staged,
            reference_id=reference_id,
            defaults={
                "outcome": result.outcome,
                "code": result.code or "",
                "detail": result.detail,
                "checked_at": started,
            },
        )


def _failed(checked: list[ReferenceCheck], not_passed: list[ReferenceCheck], hidden: int) -> ChecksFailed:
    if not_passed or hidden:
        count = len(not_passed) + hidden
        reason = f"The new value did not pass the check of {count} reference{'' if count == 1 else 's'}."
    else:
        reason = "No live reference uses the secret here, so the new value could not be checked."
    refusal = ChecksFailed(f"{reason} Check it, or promote it with accept_failures.")
    refusal.members["results"] = [as_json(reference_check) for reference_check in checked]
    return refusal


def as_json(reference_check: ReferenceCheck) -> dict[str, Any]:
    """Return a result as the API represents it, with the whole reference."""
    integration = reference_check.reference.integration
    return {
        "reference": {
            "integration": {"id": str(integration.id), "name": integration.name, "kind": integration.kind},
            "slot": reference_check.reference.slot,
            "environments": [environment.value for environment in reference_check.reference.environments],
            "last_used_at": reference_check.reference.last_used_at,
        },
        "outcome": reference_check.result.outcome,
        "code": reference_check.result.code,
        "detail": reference_check.result.detail,
    }
