"""What an import would make of a draft and the choices of a person: a connection, connectors, secrets and actions.

This module decides, and `making.py` writes. Names that are proposed are free; a name that somebody chose and that is
taken is an error.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.errors import FieldError
from integrations.importing import texts
from integrations.importing.drafts import MOST_CHOSEN, Draft, DraftAction, DraftScheme, DraftSecret, Outline
from integrations.importing.naming import FreeNames, domains_of, with_names
from integrations.models import Integration
from secrets_app.models import Secret

NEW, NONE = "new", "none"
"""What a scheme becomes: a new connector, or nothing. Anything else is the id of a connector."""
CONNECTOR = "auth_connector"


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What a person decided.

    Attributes:
        operations: the keys of the chosen operations.
        connection_name: empty for the proposed one; so is `base_url`.
        action_names: by the key of the operation.
        secret_names: by the proposed name.
        connectors: for each scheme, `new`, `none` or the id of a connector.
        environments: where everything runs.
        most: how many operations may be chosen.
        allow_short: store credentials that are too short to be masked reliably.
    """

    operations: Sequence[str] = ()
    connection_name: str = ""
    base_url: str = ""
    action_names: Mapping[str, str] = field(default_factory=dict, hash=False)
    secret_names: Mapping[str, str] = field(default_factory=dict, hash=False)
    connectors: Mapping[str, str] = field(default_factory=dict, hash=False)
    environments: frozenset[Environment] = frozenset()
    most: int = MOST_CHOSEN
    allow_short: bool = False


@dataclass(frozen=True, slots=True)
class PlannedSecret:
    """A secret that the import needs.

    Attributes:
        draft: its proposed name, its place and its value, if that stood in the text.
        exists: whether there is one of this name, which is used as it is.
    """

    draft: DraftSecret
    name: str
    domains: tuple[str, ...]
    exists: bool


@dataclass(frozen=True, slots=True)
class PlannedConnector:
    """A connector that the import makes or uses. `existing` is the one that was chosen."""

    scheme: DraftScheme
    name: str
    config: Mapping[str, Any] = field(hash=False)
    existing: Integration | None = None

    @property
    def secrets(self) -> Sequence[DraftSecret]:
        """What has to be stored for it."""
        return () if self.existing else self.scheme.secrets

    def addresses(self, base_url: str, drafts: Iterable[DraftAction]) -> list[str]:
        """Return where its secrets are sent: to fetch a token, or with the actions that use it."""
        if self.config.get("token_url"):
            return [str(self.config["token_url"])]
        own = [each.address for each in drafts if each.address and self.scheme.key in each.needs]
        return [base_url, *own]


@dataclass(frozen=True, slots=True)
class PlannedAction:
    """An action, its configuration without connection and connector, and the key of its connector."""

    draft: DraftAction
    name: str
    config: Mapping[str, Any] = field(hash=False)
    connector: str = ""
    notes: tuple[str, ...] = ()

    @property
    def description(self) -> str:
        """What agents read about it."""
        return self.draft.description

    @property
    def outline(self) -> Outline:
        """The operation."""
        return self.draft.outline


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """Everything that an import would make, and why it cannot be made."""

    connection_name: str
    base_url: str
    connector: str
    connectors: Mapping[str, PlannedConnector] = field(hash=False)
    secrets: Sequence[PlannedSecret]
    actions: Sequence[PlannedAction]
    errors: Sequence[FieldError]


def plan_import(actor: Actor, draft: Draft, options: ImportOptions) -> ImportPlan:
    """Return what an import would make. Nothing is written."""
    return _Planner(actor, draft, options).plan()


def chosen_actions(draft: Draft, options: ImportOptions, errors: list[FieldError]) -> list[DraftAction]:
    """Return the drafts of the chosen operations.

    Args:
        errors: receives an error for each that cannot be imported.
    """
    wanted = list(dict.fromkeys(options.operations))
    if len(wanted) > options.most:
        errors.append(FieldError("operations", f"Choose at most {options.most} operations at a time."))
        return []
    if not wanted:
        errors.append(FieldError("operations", "Choose at least one operation."))
    actions = []
    for key in wanted:
        outline = draft.outline(key)
        if outline is None:
            shown = texts.plain(key, 100)
            errors.append(FieldError("operations", f"The description has no operation {shown}."))
            continue
        action = draft.build(outline)
        if action.problem:
            errors.append(FieldError(f"operations.{key}", f"{key} cannot be imported. {action.problem}"))
        actions.append(action)
    return actions


class _Planner:
    def __init__(self, actor: Actor, draft: Draft, options: ImportOptions) -> None:
        self._actor, self._draft, self._options = actor, draft, options
        self._errors: list[FieldError] = []
        self._names = FreeNames(actor)
        self._secret_names = set(Secret.objects.of(actor.organization).values_list("name", flat=True))

    def plan(self) -> ImportPlan:
        drafts = chosen_actions(self._draft, self._options, self._errors)
        base_url = self._base_url()
        name = self._connection_name(base_url)
        connectors = self._connectors(drafts, name)
        secret_names = {name: new for name, new in self._options.secret_names.items() if new.strip()}
        actions = [self._action(each, connectors, secret_names) for each in drafts]
        main = Counter(each.connector for each in actions if each.connector and not each.draft.address)
        return ImportPlan(
            connection_name=name,
            base_url=base_url,
            connector=main.most_common(1)[0][0] if main else "",
            connectors={key: _renamed(each, secret_names) for key, each in connectors.items()},
            secrets=self._secrets(drafts, connectors, base_url),
            actions=actions,
            errors=self._errors,
        )

    def _base_url(self) -> str:
        address = self._options.base_url.strip() or next(iter(self._draft.addresses), "")
        if not address:
            self._errors.append(FieldError("base_url", "Enter the base URL: the text has no complete address."))
        return address

    def _connection_name(self, base_url: str) -> str:
        proposed = self._draft.title or base_url.partition("://")[2].partition("/")[0] or "API"
        return self._named(self._options.connection_name, proposed, "connection_name", "API")

    def _named(self, wanted: str, proposed: str, control: str, mark: str) -> str:
        """Return the name that was chosen, or the proposed one, changed until it is free."""
        wanted = wanted.strip()
        if not wanted or wanted == proposed:
            return self._names.take(proposed, mark)
        if self._names.is_taken(wanted):
            self._errors.append(FieldError(control, f"There is an integration called {wanted}. Choose another name."))
        return self._names.take(wanted, mark)

    def _connectors(self, drafts: Iterable[DraftAction], name: str) -> dict[str, PlannedConnector]:
        """Return the connectors of all schemes that the chosen operations use, unless they become nothing."""
        found = {}
        for key in dict.fromkeys(key for each in drafts for key in each.needs):
            scheme = self._draft.schemes[key]
            choice = self._options.connectors.get(key, NEW)
            if choice == NEW and not scheme.problem:
                proposed = self._names.take(texts.cut(f"{name}: {key}", texts.LONGEST_NAME), key)
                found[key] = PlannedConnector(scheme, proposed, _with_scopes(scheme, drafts))
            elif choice not in {NEW, NONE} and (existing := self._existing(key, choice)):
                found[key] = PlannedConnector(scheme, existing.name, scheme.config, existing)
        return found

    def _existing(self, key: str, choice: str) -> Integration | None:
        rows = Integration.objects.visible_to(self._actor).filter(kind=CONNECTOR)
        found = next((row for row in rows if str(row.pk) == choice), None)
        if found is None:
            self._errors.append(FieldError(f"connectors.{key}", "There is no such auth connector. Choose another."))
        return found

    def _action(
        self, each: DraftAction, connectors: Mapping[str, PlannedConnector], names: Mapping[str, str]
    ) -> PlannedAction:
        keys = [key for key in each.needs if key in connectors]
        keys.sort(key=lambda key: connectors[key].config.get("type") == "api_key")
        config, notes = dict(each.config), list(each.notes)
        for key in keys[1:]:
            notes.extend(_add_key(config, connectors[key]))
        name = self._named(
            self._options.action_names.get(each.outline.key, ""),
            each.outline.name,
            f"action_names.{each.outline.key}",
            each.outline.key,
        )
        return PlannedAction(each, name, with_names(config, names), keys[0] if keys else "", tuple(notes))

    def _secrets(
        self, drafts: Sequence[DraftAction], connectors: Mapping[str, PlannedConnector], base_url: str
    ) -> list[PlannedSecret]:
        places = [
            (secret, address)
            for each in connectors.values()
            for secret in each.secrets
            for address in each.addresses(base_url, drafts)
        ]
        places += [(secret, each.address or base_url) for each in drafts for secret in each.secrets]
        needed: dict[str, tuple[DraftSecret, list[str]]] = {}
        for secret, address in places:
            needed.setdefault(secret.name, (secret, []))[1].append(address)
        return [self._secret(secret, addresses) for secret, addresses in needed.values()]

    def _secret(self, secret: DraftSecret, addresses: Iterable[str]) -> PlannedSecret:
        name = self._options.secret_names.get(secret.name, "").strip() or secret.name
        return PlannedSecret(secret, name, domains_of(addresses), name in self._secret_names)


def _with_scopes(scheme: DraftScheme, drafts: Iterable[DraftAction]) -> dict[str, Any]:
    """Return the configuration of a new connector, with the scopes that the actions need if it asks for a token."""
    scopes = dict.fromkeys(scope for each in drafts if scheme.key in each.needs for scope in each.scopes)
    asks = scheme.config.get("scope") == "" and scopes
    return {**scheme.config, "scope": " ".join(scopes)} if asks else dict(scheme.config)


def _add_key(config: dict[str, Any], connector: PlannedConnector) -> Iterator[str]:
    """Add a credential beside that of the connector; yield what could not be added."""
    wanted = connector.existing.config if connector.existing else connector.config
    if wanted.get("type") != "api_key":
        yield f"It also needs {connector.scheme.key}, which is left out: an action has one connector."
        return
    place = "query" if wanted["in"] == "query" else "headers"
    config[place] = [*config.get(place, ()), {"name": wanted["name"], "value": wanted["value"]}]


def _renamed(connector: PlannedConnector, names: Mapping[str, str]) -> PlannedConnector:
    return PlannedConnector(connector.scheme, connector.name, with_names(connector.config, names), connector.existing)
