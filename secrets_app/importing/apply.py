"""The import of a `.env` text into one environment: a dry run, or an import of everything in one transaction.

The text is not stored: a caller who checks first and applies afterwards sends it twice. An import can be tied to the
result of a dry run (`ImportReport.token`), so that it does not replace a value that was created in between.
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
from secrets_app.importing.plan import ImportChoices, ImportLine, ImportReport, LineAction, plan
from secrets_app.models import Secret
from secrets_app.plaintext import Plaintext
from secrets_app.requests import answering
from secrets_app.signals import secrets_created

NOTHING_IMPORTED = "Nothing was imported."
ERRORS_AT_MOST = 100
NO_CHOICES = ImportChoices()


def check_import(
    *, actor: Actor, environment: Environment, text: Plaintext, choices: ImportChoices = NO_CHOICES
) -> ImportReport:
    """Return what an import would do now, without writing anything.

    Raises:
        PermissionDenied: the actor may not write secrets, or not in this environment.
        TextTooLarge: the text exceeds the size limit.
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
) -> ImportReport:
    """Import the text in one transaction.

    Args:
        expected: the token of the report that the caller saw; None to accept any result.

    Returns:
        the report of the import, with the created and changed secrets in its lines.

    Raises:
        PermissionDenied, TextTooLarge: as for `check_import`.
        Invalid, ValueTooShort: a line is refused; nothing is imported.
        EditConflict: the import would differ from the report that the caller saw.
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


def _refuse(report: ImportReport) -> None:
    refused = report.of(LineAction.REFUSED)
    if not refused:
        return
    errors = [FieldError("dotenv", _sentence(line)) for line in refused[:ERRORS_AT_MOST]]
    only_short = all(line.code == ValueTooShort.code for line in refused)
    raise (ValueTooShort if only_short else Invalid)(NOTHING_IMPORTED, errors=errors)


def _sentence(line: ImportLine) -> str:
    """Return the number and name of a refused line and the reason, as an error message."""
    return f"Line {line.number}{f' ({line.written})' if line.written else ''}: {line.reason}"


def _apply(actor: Actor, report: ImportReport) -> ImportReport:
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
        _count_versions_up(stored)
        store_values(given, actor=actor)
        trail.record_all(_acts(created.values(), stored, report.environment), actor=actor)
        secrets_created.send(
            sender=Secret, organization=actor.organization, secrets=list(created.values()), actor=actor
        )
        answering.answer(list(created.values()), actor=actor)
    return replace(report, lines=lines)


def _count_versions_up(secrets: Sequence[Secret]) -> None:
    """Count the versions of existing secrets up, so that a form that is open notices the change."""
    rows = Secret.objects.filter(pk__in=[secret.pk for secret in secrets])
    rows.update(version=F("version") + 1, updated_at=timezone.now())
    for secret in secrets:
        secret.version += 1


def _acts(created: Iterable[Secret], stored: Iterable[Secret], environment: Environment) -> list[trail.Act]:
    """Return an audit event for each secret, as if it had been entered by hand; all contain the id of the import."""
    data = {"values": [environment.value], "import": str(uuid4())}
    new = [trail.Act(trail.Event.SECRET_CREATED, secret, environment, data | {"domains": []}) for secret in created]
    return new + [
        trail.Act(trail.Event.SECRET_CHANGED, secret, environment, data | {"fields": [], "version": secret.version})
        for secret in stored
    ]


def _refusal(error: IntegrityError) -> Exception:
    """Return a refusal if a name was taken concurrently. Any other violation is a bug; return it unchanged."""
    if not violates(error, "secret_name_once_per_organization"):
        return error
    return Invalid(
        NOTHING_IMPORTED, errors=[FieldError("dotenv", "Somebody has just taken one of the names. Try again.")]
    )
