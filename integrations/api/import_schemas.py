"""Bodies and answers of `/api/v1/imports`."""

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from ninja import Schema
from pydantic import Field, StrictBool

from accounts.api.schemas import Payload
from accounts.common.environments import Environment
from integrations.importing.drafts import MOST_CHOSEN, MOST_OPERATIONS
from integrations.importing.plan import ImportOptions
from integrations.importing.updating import ChangeKind

Document = Field(
    description="OpenAPI 3.0 or 3.1 or Swagger 2 as JSON or YAML, a Postman collection, or a curl command. It is read "
    "and not kept.",
    json_schema_extra={"writeOnly": True},
)
Keys = list[str]


class ImportDocumentIn(Payload):
    """The body of both kinds of preview, and what all bodies have."""

    stand_ins: ClassVar[Mapping[str, Any]] = {"document": ""}

    document: str = Document


class ApiImportIn(ImportDocumentIn):
    """The body of `POST /imports` and `POST /imports/preview`.

    `operations` are keys such as `GET /contacts`. Names that are left out are proposed: of actions by the key of their
    operation, of secrets by the proposed name. For each security scheme, `connectors` has `new` (the default), `none`
    or the id of an auth connector. Credentials in the document become values in the chosen environments, or in all.
    """

    operations: Keys = Field(default=[], max_length=MOST_CHOSEN)
    connection_name: str = ""
    base_url: str = ""
    action_names: dict[str, str] = Field(default={}, max_length=MOST_CHOSEN)
    secret_names: dict[str, str] = Field(default={}, max_length=MOST_CHOSEN)
    connectors: dict[str, str] = Field(default={}, max_length=MOST_CHOSEN)
    environments: list[Environment] = []
    allow_short: StrictBool = False

    def options(self) -> ImportOptions:
        """Return the choices."""
        return ImportOptions(
            operations=self.operations,
            connection_name=self.connection_name,
            base_url=self.base_url,
            action_names=self.action_names,
            secret_names=self.secret_names,
            connectors=self.connectors,
            environments=frozenset(self.environments),
            allow_short=self.allow_short,
        )


class ImportUpdateIn(ImportDocumentIn):
    """The body of `POST /imports/{import_id}/update`: operations to add, to change and to switch off, by their keys."""

    add: Keys = Field(default=[], max_length=MOST_CHOSEN)
    change: Keys = Field(default=[], max_length=MOST_OPERATIONS)
    switch_off: Keys = Field(default=[], max_length=MOST_OPERATIONS)
    action_names: dict[str, str] = Field(default={}, max_length=MOST_CHOSEN)


class DescribedOperationOut(Schema):
    """An operation of the document."""

    key: str
    name: str
    method: str
    path: str
    summary: str
    tags: list[str]


class DescribedSchemeOut(Schema):
    """A security scheme. `problem` says why Coffer cannot send such a credential."""

    key: str
    label: str
    problem: str
    note: str


class PlannedSecretOut(Schema):
    """A secret that would be needed. `has_value`: the document has a credential for it, which is not returned."""

    proposed_name: str
    name: str
    place: str
    has_value: bool
    exists: bool
    allowed_domains: list[str]


class PlannedActionOut(Schema):
    """An action that would be made. `config` has no connection and connector yet; `problem` says why it cannot be."""

    operation: str
    name: str
    description: str
    scheme: str
    config: dict[str, Any]
    notes: list[str]
    problem: str


class ImportPlanOut(Schema):
    """What would be made of the chosen operations. `scheme` is that of the connection's connector."""

    connection_name: str
    base_url: str
    scheme: str
    secrets: list[PlannedSecretOut]
    actions: list[PlannedActionOut]
    problems: list[str]


class ImportPreviewOut(Schema):
    """What a document has. `plan` is null unless operations are chosen."""

    form: str
    title: str
    version: str
    addresses: list[str]
    notes: list[str]
    operations: list[DescribedOperationOut]
    schemes: list[DescribedSchemeOut]
    plan: ImportPlanOut | None


class MadeOut(Schema):
    """Something that was made."""

    id: UUID
    name: str


class ApiImportOut(Schema):
    """What an import made. `id` is that of the import, for later updates."""

    id: UUID
    connection: MadeOut
    connectors: list[MadeOut]
    secrets: list[MadeOut]
    actions: list[MadeOut]


class OperationChangeOut(Schema):
    """What differs for one operation.

    `fields` are what the API changed, `edited` those of them that somebody edited as well: taking the change over
    replaces that edit. `offered` operations were there before and were not chosen.
    """

    key: str
    kind: ChangeKind
    name: str
    fields: list[str]
    edited: list[str]
    integration: UUID | None
    problem: str


class ImportChangesOut(Schema):
    """What differs between an import and a newer document."""

    changes: list[OperationChangeOut]


class ImportUpdateOut(Schema):
    """What an update did."""

    id: UUID
    added: list[MadeOut]
    changed: list[MadeOut]
    switched_off: list[MadeOut]
