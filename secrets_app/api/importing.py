"""`POST /api/v1/secrets/import`: the import of a `.env` text into one environment (docs/api.md, "Import")."""

from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import PlainValidator, WithJsonSchema

from accounts.access.route_permissions import key_requires
from accounts.api.authentication import actor_of
from accounts.api.schemas import PROBLEMS, ProblemOut, StrictSchema
from accounts.common.environments import Environment
from accounts.policy import Permission
from secrets_app.api.schemas import to_plaintext
from secrets_app.importing import dotenv
from secrets_app.importing.apply import apply_import, check_import
from secrets_app.importing.plan import ImportChoices, ImportLine, LineAction
from secrets_app.plaintext import Plaintext

router = Router()

DotenvIn = Annotated[
    Plaintext,
    PlainValidator(to_plaintext),
    WithJsonSchema(
        {
            "type": "string",
            "writeOnly": True,
            "description": f"The text of a .env file: up to 1 MiB and {dotenv.MAX_ENTRIES:,} entries. Nothing in it is "
            "expanded, and it is never returned. If a name occurs twice, the last entry counts.",
        }
    ),
]


class ImportIn(StrictSchema):
    """The body of `POST /secrets/import`. With `dry_run`, nothing is written."""

    environment: Environment
    dotenv: DotenvIn
    dry_run: bool = False
    allow_short: bool = False


class ImportedOut(Schema):
    """A secret that gets its value from the text. In a dry run, `id` is null if the secret does not exist yet."""

    line: int
    name: str
    id: UUID | None
    note: str
    warnings: list[str]


class SkippedOut(Schema):
    """A line that changes nothing."""

    line: int
    name: str
    reason: str


class RefusedOut(Schema):
    """A line that prevents the import. `name` is null if the line has no name that may be shown."""

    line: int
    name: str | None
    code: str
    reason: str
    proposed_name: str | None


class ImportOut(Schema):
    """The result of an import or a dry run."""

    environment: Environment
    dry_run: bool
    created: list[ImportedOut]
    replaced: list[ImportedOut]
    skipped: list[SkippedOut]
    refused: list[RefusedOut]


@router.post(
    "/import", response={200: ImportOut, **PROBLEMS, 409: ProblemOut, 413: ProblemOut}, summary="Import a .env text"
)
@key_requires(Permission.SECRETS_WRITE)
def import_secrets(request: HttpRequest, payload: ImportIn) -> dict[str, Any]:
    """Import everything into one environment, or nothing: if a line is refused, the response is 422."""
    act = check_import if payload.dry_run else apply_import
    choices = ImportChoices(allow_short=payload.allow_short)
    report = act(actor=actor_of(request), environment=payload.environment, text=payload.dotenv, choices=choices)
    return {
        "environment": report.environment,
        "dry_run": payload.dry_run,
        "created": [_imported(line) for line in report.of(LineAction.CREATED)],
        "replaced": [_imported(line) for line in report.of(LineAction.REPLACED)],
        "skipped": [
            {"line": line.number, "name": line.name, "reason": line.reason} for line in report.of(LineAction.SKIPPED)
        ],
        "refused": [_refused(line) for line in report.of(LineAction.REFUSED)],
    }


def _imported(line: ImportLine) -> dict[str, Any]:
    return {
        "line": line.number,
        "name": line.name,
        "id": line.secret.pk if line.secret else None,
        "note": line.reason,
        "warnings": line.warnings,
    }


def _refused(line: ImportLine) -> dict[str, Any]:
    return {
        "line": line.number,
        "name": line.written or None,
        "code": line.code,
        "reason": line.reason,
        "proposed_name": line.proposed or None,
    }
