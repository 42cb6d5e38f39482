"""Import of a `.env` text into one environment: a dry run, then all of it or nothing.

The text is read, judged and applied within one request and kept nowhere: whoever checks first and applies afterwards
sends it twice. An apply can be held to what the dry run showed (`Report.token`), so that it never replaces something
that came up in between unseen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from accounts.actors import Actor
from accounts.audit import trail
from accounts.common.constraints import violates
from accounts.common.environments import Environment
from accounts.errors import EditConflict, FieldError, Invalid
from accounts.people.locks import lock_organization
from accounts.policy import Permission
from secrets_app.editing.values import NewValue, store_values
from secrets_app.errors import ValueTooShort
from secrets_app.importing.plan import ImportChoices, ImportLine, LineAction, Report, plan
from secrets_app.models import Secret
from secrets_app.plaintext import Plaintext
from secrets_app.requests import answering
from secrets_app.signals import secrets_created

NOTHING_IMPORTED = "Nothing was imported."
TOLD_AT_MOST = 100
NO_CHOICES = ImportChoices()


def check_import(
    *, actor: Actor, environment: Environment, text: Plaintext, choices: ImportChoices = NO_CHOICES
) -> Report:
    """The dry run: what an import would do now. Nothing is written.

    Raises:
        PermissionDenied: the actor may not write secrets, or not in this environment.
        TextTooLarge: the text is larger than an import may be.
    """
    _authorize(actor, environment)
    return plan(actor.organization, environment, text, choices, lock=False)


def apply_import(
    *,
    actor: Actor,
    environment: Environment,
    text: Plaintext,
    choices: ImportChoices = NO_CHOICES,
    expected: str | None = None,
) -> Report:
    """Import everything, in one transaction.

    Args:
        expected: the token of the report that the caller saw; None for "whatever there is to do now".

    Returns:
        what was done; its lines know the secrets.

    Raises:
        PermissionDenied, TextTooLarge: as for the dry run.
        Invalid, ValueTooShort: a line is refused; nothing is imported.
        EditConflict: the import would do something else than what the caller saw.
    """
    _authorize(actor, environment)
    try:
        with transaction.atomic():
            lock_organization(actor.organization)
            report = plan(actor.organization, environment, text, choices, lock=True)
            _refuse(report)
            if expected is not None and report.token != expected:
                raise EditConflict("What this import would do has changed since it was checked. Check it again.")
            return _apply(actor, report)
    except IntegrityError as error:
        raise _refusal(error) from None


def _authorize(actor: Actor, environment: Environment) -> None:
    actor.check(Permission.SECRETS_WRITE)
    actor.check_environments(environment)


def _refuse(report: Report) -> None:
    refused = report.of(LineAction.REFUSED)
    if not refused:
        return
    errors = [FieldError("dotenv", _told(line)) for line in refused[:TOLD_AT_MOST]]
    only_short = all(line.code == ValueTooShort.code for line in refused)
    raise (ValueTooShort if only_short else Invalid)(NOTHING_IMPORTED, errors=errors)


def _told(line: ImportLine) -> str:
    """The line, its name and the reason in one sentence or two."""
    return f"Line {line.number}{f' ({line.written})' if line.written else ''}: {line.reason}"


def _apply(actor: Actor, report: Report) -> Report:
    created = {
        line.number: Secret(organization=actor.organization, name=line.name) for line in report.of(LineAction.CREATED)
    }
    stored = [line.secret for line in report.of(LineAction.REPLACED) if line.secret]
    lines = [replace(line, secret=line.secret or created.get(line.number)) for line in report.lines]
    given = [
        NewValue(line.secret, report.environment, line.value)
        for line in lines
        if line.secret is not None and line.value is not None
    ]
    if given:
        Secret.objects.bulk_create(created.values())
        _count_up(stored)
        store_values(given, actor=actor)
        secrets_created.send(sender=Secret, organization=actor.organization, secrets=list(created.values()))
        trail.record_all(_acts(created.values(), stored, report.environment), actor=actor)
        answering.answer(list(created.values()), actor=actor)
    return replace(report, lines=lines)


def _count_up(secrets: Sequence[Secret]) -> None:
    """A new version for each, so that somebody who edits one of them meanwhile is told."""
    rows = Secret.objects.filter(pk__in=[secret.pk for secret in secrets])
    rows.update(version=F("version") + 1, updated_at=timezone.now())
    for secret in secrets:
        secret.version += 1


def _acts(created: Iterable[Secret], stored: Iterable[Secret], environment: Environment) -> list[trail.Act]:
    """One event for each secret, as if each had been entered by hand; all name the import that they belong to."""
    told = {"values": [environment.value], "import": str(uuid4())}
    new = [trail.Act(trail.Event.SECRET_CREATED, secret, environment, told | {"domains": []}) for secret in created]
    return new + [
        trail.Act(trail.Event.SECRET_CHANGED, secret, environment, told | {"fields": [], "version": secret.version})
        for secret in stored
    ]


def _refusal(error: IntegrityError) -> Exception:
    """A name was taken at this very moment; anything else that a constraint refuses is a fault of ours."""
    if not violates(error, "secret_name_once_per_organization"):
        return error
    return Invalid(
        NOTHING_IMPORTED, errors=[FieldError("dotenv", "Somebody has just taken one of the names. Try again.")]
    )
