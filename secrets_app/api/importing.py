"""`POST /api/v1/secrets/import`: the import of a `.env` text into one environment (docs/api.md, "Import")."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field, PlainValidator, StrictBool, WithJsonSchema

from accounts.access.route_permissions import key_requires
from accounts.api.authentication import actor_of
from accounts.api.schemas import PROBLEMS, Payload, ProblemOut
from accounts.common.environments import Environment
from accounts.policy import Permission
from secrets_app.api.schemas import ValueWarningOut, to_plaintext, warning_out
from secrets_app.importing.apply import apply_import, check_import
from secrets_app.importing.dotenv import MAX_ENTRIES
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
            "description": f"The text of a .env file: up to 1 MiB and {MAX_ENTRIES:,} entries. It is never "
            "returned. If a name occurs twice, the last entry counts.",
        }
    ),
]


class ImportIn(Payload):
    """The body of `POST /secrets/import`. With `dry_run`, nothing is written.

    `leave_out` and `names` decide about lines by the name in the text: those that are no secrets, and other names for
    secrets. With `fill_references`, `${NAME}` becomes the value of that entry of the text.
    """

    stand_ins: ClassVar[Mapping[str, Any]] = {"dotenv": "A_NAME_THAT_NOBODY_HAS=and-its-value"}

    environment: Environment
    dotenv: DotenvIn
    dry_run: StrictBool = False
    allow_short: StrictBool = False
    fill_references: StrictBool = False
    leave_out: list[str] = Field(default=[], max_length=MAX_ENTRIES)
    names: dict[str, str] = Field(default={}, max_length=MAX_ENTRIES)


class ImportedOut(Schema):
    """A secret that gets its value from the text. In a dry run, `id` is null if the secret does not exist yet.

    `references` are the `${…}` in the value that are not filled in. `looks_like_setting` proposes to leave the
    line out.
    """

    line: int
    name: str
    id: UUID | None
    note: str
    warnings: list[ValueWarningOut]
    references: list[str]
    looks_like_setting: bool


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
    looks_like_setting: bool


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
def import_secrets(request: HttpRequest, payload: ImportIn, dry_run: bool = False) -> dict[str, Any]:
    """Import everything into one environment, or nothing: if a line is refused, the response is 422."""
    is_trial = dry_run or payload.dry_run
    act = check_import if is_trial and payload.is_sound else apply_import
    choices = ImportChoices(
        names=payload.names,
        left_out=frozenset(payload.leave_out),
        allow_short=payload.allow_short,
        fill_references=payload.fill_references,
    )
    with payload.faults_told():
        report = act(actor=actor_of(request), environment=payload.environment, text=payload.dotenv, choices=choices)
    return {
        "environment": report.environment,
        "dry_run": is_trial,
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
        "warnings": [warning_out(warning, line.written) for warning in line.warnings],
        "references": line.references,
        "looks_like_setting": line.is_setting,
    }


def _refused(line: ImportLine) -> dict[str, Any]:
    return {
        "line": line.number,
        "name": line.written or None,
        "code": line.code,
        "reason": line.reason,
        "proposed_name": line.proposed or None,
        "looks_like_setting": line.is_setting,
    }
