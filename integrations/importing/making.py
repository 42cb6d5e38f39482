"""Importing: the connection, connectors, secrets and actions of a plan, all of them or nothing.

Each is made by the service that pages and the API use, which checks permissions, judges destinations and writes the
audit log.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.actors import Actor
from accounts.common.environments import ALL_ENVIRONMENTS, in_order
from accounts.common.texts import UNSTORABLE
from accounts.errors import FieldError, Invalid
from accounts.people.locks import lock_organization
from accounts.policy import Permission
from integrations.editing.integrations import create_integration
from integrations.importing.checking import API_ACTION
from integrations.importing.drafts import NOT_IMPORTED, Draft
from integrations.importing.made import marks_of
from integrations.importing.plan import CONNECTOR, ImportOptions, ImportPlan, PlannedAction, PlannedSecret, plan_import
from integrations.models import ApiImport, ImportedAction, Integration
from secrets_app.editing.secrets import create_secret
from secrets_app.models import Secret

CONNECTION = "api_connection"


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import made."""

    record: ApiImport
    connection: Integration
    connectors: list[Integration]
    secrets: list[Secret]
    actions: list[Integration]


def make_import(*, actor: Actor, draft: Draft, options: ImportOptions) -> ImportResult:
    """Import the chosen operations, in one transaction.

    A secret that stood in the text gets it as its value in the chosen environments, or in all if none is chosen.

    Raises:
        PermissionDenied, ProofNeeded: as `create_integration` and `create_secret`.
        Invalid: a choice cannot be carried out; nothing is stored.
    """
    actor.check(Permission.INTEGRATIONS_WRITE)
    with transaction.atomic():
        lock_organization(actor.organization)
        maker = Maker(actor, plan_import(actor, draft, options), options)
        secrets, connectors = maker.secrets(), maker.connectors()
        connection = maker.connection(connectors)
        record = ApiImport.objects.create(connection=connection, form=draft.form, fingerprint=draft.fingerprint)
        actions = [maker.action(each, record, connectors) for each in maker.plan.actions]
        remember(record, draft, maker.plan, connectors)
        return ImportResult(record, connection, maker.made, secrets, actions)


def remember(record: ApiImport, draft: Draft, plan: ImportPlan, connectors: Mapping[str, Integration]) -> None:
    """Note what was imported, for later updates."""
    record.title, record.document_version, record.fingerprint = draft.title[:100], draft.version, draft.fingerprint
    record.operations = [each.key for each in draft.outlines]
    record.secret_names |= {each.draft.name: each.name for each in plan.secrets}
    record.connectors |= {UNSTORABLE.sub("", key): str(each.pk) for key, each in connectors.items()}
    record.save()


class Maker:
    """Makes the parts of a plan. The caller has opened the transaction and holds the organization's lock."""

    def __init__(self, actor: Actor, plan: ImportPlan, options: ImportOptions) -> None:
        """Check that the plan can be carried out.

        Raises:
            Invalid: it cannot.
        """
        if plan.errors:
            raise Invalid(NOT_IMPORTED, errors=list(plan.errors))
        self.plan, self.made = plan, list[Integration]()
        self._actor, self._options = actor, options

    def secrets(self) -> list[Secret]:
        """Create the secrets that do not exist yet."""
        return [self._secret(each) for each in self.plan.secrets if not each.exists]

    def connectors(self) -> dict[str, Integration]:
        """Create the connectors of schemes that actions use, or take those that were chosen."""
        used = {each.connector for each in self.plan.actions if each.connector}
        return {key: self._connector(key) for key in self.plan.connectors if key in used}

    def connection(self, connectors: Mapping[str, Integration]) -> Integration:
        """Create the connection."""
        config: dict[str, Any] = {"base_url": self.plan.base_url}
        if self.plan.connector:
            config[CONNECTOR] = str(connectors[self.plan.connector].pk)
        with telling("base_url", self.plan.connection_name):
            return self._create(CONNECTION, self.plan.connection_name, config)

    def action(self, planned: PlannedAction, record: ApiImport, connectors: Mapping[str, Integration]) -> Integration:
        """Create an action, and note what it was made of."""
        own, connection = connectors.get(planned.connector), record.connection
        address = planned.draft.address
        parents = {"base_url": address} if address else {"connection": str(connection.pk)}
        if own and (address or own.pk != connection.auth_connector_id):
            parents[CONNECTOR] = str(own.pk)
        with telling(f"operations.{planned.outline.key}", planned.name):
            action = self._create(API_ACTION, planned.name, {**planned.config, **parents}, planned.description)
        ImportedAction.objects.create(
            source=record, integration=action, operation=planned.outline.key, made=marks_of(planned)
        )
        return action

    def _secret(self, planned: PlannedSecret) -> Secret:
        value = planned.draft.value
        environments = in_order(self._options.environments or ALL_ENVIRONMENTS)
        with telling(f"secret_names.{planned.draft.name}", planned.name):
            return create_secret(
                actor=self._actor,
                name=planned.name,
                values=dict.fromkeys(environments, value) if value is not None else {},
                allowed_domains=planned.domains,
                entered_once=planned.draft.has_value,
                allow_short=self._options.allow_short,
            )

    def _connector(self, key: str) -> Integration:
        planned = self.plan.connectors[key]
        if planned.existing:
            return planned.existing
        with telling(f"connectors.{key}", planned.name):
            self.made.append(self._create(CONNECTOR, planned.name, planned.config))
        return self.made[-1]

    def _create(self, kind: str, name: str, config: Mapping[str, Any], description: str = "") -> Integration:
        return create_integration(
            actor=self._actor,
            kind=kind,
            name=name,
            config=dict(config),
            description=description,
            environments=self._options.environments,
        )


@contextmanager
def telling(control: str, name: str) -> Iterator[None]:
    """Have refusals of the services name the control of the import, and what could not be made."""
    try:
        yield
    except Invalid as refusal:
        errors = [FieldError(control, f"{name}: {each.message}") for each in refusal.errors]
        raise Invalid(NOT_IMPORTED, errors=errors or [FieldError(control, f"{name}: {refusal.detail}")]) from None


def visible_import(actor: Actor, import_id: UUID) -> ApiImport | None:
    """Return an import whose connection the actor may see; None if there is no such import."""
    seen = Integration.objects.visible_to(actor)
    return ApiImport.objects.select_related("connection").filter(pk=import_id, connection__in=seen).first()
