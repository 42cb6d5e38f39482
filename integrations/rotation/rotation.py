"""Trying a staged value on every reference, and judging the results when it is promoted (docs/concepts.md, "Rotation").

A try is the integration's own harmless check, made by the broker like every call and recorded as a run, with the staged
value in the place of the current one. It changes nothing for anybody else: calls use the current value throughout.
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
"""Checks of one request that are under way at the same time."""


async def check(
    actor: Actor, secret_id: UUID, environment: Environment, *, only: UUID | None = None
) -> tuple[SecretValue, list[ReferenceCheck]]:
    """Try the staged value where it is used, and keep each result as soon as it is known.

    An integration that serves several references is asked once.

    Args:
        only: the id of one reference; None for all.

    Returns:
        the value that was tried and all its references, each with its result.

    Raises:
        NotFound, PermissionDenied: also where `only` is no live reference; it needs the permission to run as well.
        NothingStaged: there is no staged value, or not this one any more when the answers are in.
    """
    staged, checked = await in_database(look, actor, secret_id, environment, to_run=True)
    chosen = [reference_check for reference_check in checked if only in {None, reference_check.reference.id}]
    if only and not chosen:
        raise NotFound("No such reference.")
    gate, started = asyncio.Semaphore(AT_ONCE), timezone.now()
    probes = {probe.integration.id: probe for reference_check in chosen for probe in reference_check.probes}
    running = {key: asyncio.ensure_future(_through(gate, actor, probe, staged)) for key, probe in probes.items()}
    try:
        await asyncio.gather(*[_settle(staged, reference_check, running, started) for reference_check in chosen])
    finally:
        for task in running.values():
            task.cancel()
    return staged, await in_database(_found, actor, staged)


def look(
    actor: Actor, secret_id: UUID, environment: Environment, *, to_run: bool = False
) -> tuple[SecretValue, list[ReferenceCheck]]:
    """The staged value and what is known about it, without trying anything.

    Raises:
        NotFound, PermissionDenied: as everywhere.
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
    """Drop the results of the staged value, so that every reference is tried again. Raises as `look`."""
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
    """Make the staged value the current one, if it passed everywhere or somebody accepts that it did not.

    Args:
        accept_failures: promote also with results that are not `passed`, and where nothing could be tried.
        accepted: the references that the person saw and accepts; None for whatever they are.
        expected: the staged value that the person saw.

    Raises:
        NotFound, PermissionDenied, NothingStaged, EditConflict: as `secrets_app.rotation.rotation.promote`.
        ChecksFailed: with every result as the member `results`.
        KeyUnavailable: the staged value does not open, so it would not run.
    """

    def judge(staged: SecretValue) -> list[str]:
        if not keyring.is_openable(staged):
            raise cannot_open(staged.secret.name, environment)
        checked, hidden = reference_checks(actor, staged), hidden_references(actor, staged)
        missed = [check for check in checked if not check.passed]
        unseen = accepted is not None and not {check.reference.id for check in missed} <= accepted
        if (missed or hidden or not checked) and (not accept_failures or unseen):
            raise _failed(checked, missed, hidden)
        return _accepted(missed, hidden)

    return rotation.promote(actor=actor, secret_id=secret_id, environment=environment, approve=judge, expected=expected)


def _accepted(missed: list[ReferenceCheck], hidden: int) -> list[str]:
    """What is promoted all the same, for the audit log."""
    return [check.label for check in missed] + ([f"{hidden} not visible to this key"] if hidden else [])


def forget_old() -> int:
    """Remove results of values that are not staged any more; how many. For housekeeping: they count for nothing."""
    old = RotationCheck.objects.exclude(value__state=ValueState.STAGED.value)
    return old.delete()[0]


async def _through(gate: asyncio.Semaphore, actor: Actor, probe: Probe, staged: SecretValue) -> Step:
    call = Call(probe.integration.id, Environment(staged.environment), check=True, staged=staged.id)
    async with gate:
        try:
            return in_one(await attempt(actor, call, probe.check))
        except NotFound:
            return Step("request", NOT_CHECKABLE, None, "The integration was deleted meanwhile.")


async def _settle(
    staged: SecretValue, reference_check: ReferenceCheck, running: Mapping[UUID, Awaitable[Step]], started: datetime
) -> None:
    # One after the other: each has been started already, so this waits only for the slowest.
    steps = [await running[probe.integration.id] for probe in reference_check.probes]
    await in_database(_keep, staged, reference_check.reference.id, _combined(steps, reference_check), started)


def _found(actor: Actor, staged: SecretValue) -> list[ReferenceCheck]:
    if not SecretValue.objects.filter(pk=staged.pk, state=ValueState.STAGED.value).exists():
        raise NothingStaged("This value was promoted, discarded or staged again while it was tried.")
    return reference_checks(actor, staged)


def _combined(steps: list[Step], reference_check: ReferenceCheck) -> CheckResult:
    """The first failure, else that it passed; several probes serve one reference where it is a connector's."""
    for step, probe in zip(steps, reference_check.probes, strict=True):
        if step.outcome == FAILED:
            itself = probe.integration.id == reference_check.reference.integration_id
            return CheckResult(FAILED, step.code, step.detail if itself else f"{probe.integration.name}: {step.detail}")
    found = [step for step in steps if step.outcome != NOT_CHECKABLE]
    if not found:
        return not_checkable(reference_check.why_not or steps[0].detail)
    if reference_check.partial:
        return not_checkable("Other integrations that use it are not visible to this key.")
    if len(found) > 1:
        return CheckResult(PASSED, None, f"All {len(found)} integrations that use it accept the value.")
    return CheckResult(PASSED, None, found[0].detail)


def _keep(staged: SecretValue, reference_id: UUID, result: CheckResult, started: datetime) -> None:
    """Store a result, as long as the value is staged: a secret or a value that went meanwhile leaves nothing behind.

    It counts from when the try began, so an integration that was saved in the middle of it has to be tried again.
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


def _failed(checked: list[ReferenceCheck], missed: list[ReferenceCheck], hidden: int) -> ChecksFailed:
    if missed or hidden:
        count = len(missed) + hidden
        reason = f"The new value did not pass on {count} reference{'' if count == 1 else 's'}."
    else:
        reason = "No live reference uses the secret here, so the new value could not be tried."
    refusal = ChecksFailed(f"{reason} Check it, or promote it with accept_failures.")
    refusal.members["results"] = [as_json(reference_check) for reference_check in checked]
    return refusal


def as_json(reference_check: ReferenceCheck) -> dict[str, Any]:
    """One result as the API gives it; the reference in full."""
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
