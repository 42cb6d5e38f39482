"""What an apply of a file would change: the file compared with what is stored. Nothing is written here."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from django.conf import settings

from accounts.common.fields import write_json
from accounts.common.proposals import no_such
from accounts.errors import FieldError, Invalid, Refusal
from integrations.alerts.choices import EndpointFields, place_of
from integrations.declared.config_forms import full_form, short_form
from integrations.declared.document import SECTIONS, ConfigurationFile, refusal
from integrations.declared.parents import ROLES, WORDS, parent_fields
from integrations.declared.stored import StoredMember
from integrations.kinds import KINDS
from integrations.models import EndpointKind
from integrations.paste_guard import detection
from secrets_app.naming.domains import BadDomain, clean_domain

Fields = dict[str, Any]
Stored = Mapping[str, Mapping[str, StoredMember]]
"""What is stored, by section and name."""

IN_CLEAR = "This looks like {}. Remove it: everybody who may read the file could read it."


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """One member that an apply would create, change or delete.

    Attributes:
        fields: what each field is before and after; nothing for a member that is deleted.
        declared: as the file has it, with configurations in their full form; None for a member that is deleted.
        stored: None for a member that is created.
    """

    action: Literal["create", "change", "delete"]
    section: str
    name: str
    fields: dict[str, list[Any]] = field(default_factory=dict)
    declared: Any = None
    stored: StoredMember | None = None

    @property
    def path(self) -> list[str]:
        """Where it stands in the file."""
        return [self.section, self.name]

    def as_json(self) -> dict[str, Any]:
        """Return the change as the API shows it."""
        return {"action": self.action, "type": SECTIONS[self.section], "name": self.name, "fields": self.fields}


def fingerprint(changes: list[PlannedChange], *, prune: bool) -> str:
    """Return what tells a plan from any other: a hash of everything that it would do."""
    return hashlib.sha256(write_json([prune, [change.as_json() for change in changes]]).encode()).hexdigest()


def differences(
    file: ConfigurationFile, stored: Stored, *, prune: bool, accept_raw_credentials: bool
) -> list[PlannedChange]:
    """Return the changes that an apply would make, by section and name; deletions come last.

    Args:
        stored: the sections that the file has.
        prune: whether members that the file lacks are deleted.

    Raises:
        Invalid: the file says what no apply could do; each fault has its line.
    """
    finding = _Comparison(file, stored, prune, accept_raw_credentials)
    changes = [change for section in stored for change in finding.of_section(section)]
    if finding.errors:
        raise refusal(finding.errors)
    gone = [change for section in stored if prune for change in finding.gone(section)]
    return [*changes, *gone]


@dataclass(slots=True)
class _Comparison:
    """A file beside what is stored, and the faults that show.

    Attributes:
        names: the names of integrations that there will be, by role.
    """

    file: ConfigurationFile
    stored: Stored
    prune: bool
    accepts_raw: bool
    errors: list[FieldError] = field(default_factory=list)
    names: dict[str, set[str]] = field(default_factory=dict)

    def of_section(self, section: str) -> Iterator[PlannedChange]:
        """Yield what the members of a section need."""
        spelled = {name.lower(): name for name in self.stored[section]}
        for name, declared in sorted(self.file.content.section(section).items()):
            stored = self.stored[section].get(name)
            twin = spelled.get(name.lower(), name)
            if stored is None and twin != name:
                sentence = f"There is a {SECTIONS[section]} called {twin} already. Write its name like that."
                self.errors.append(self.file.error([section, name], sentence))
            elif stored and "kind" in type(declared).model_fields and declared.kind != stored.declared.kind:
                sentence = f"The kind of a {SECTIONS[section]} cannot be changed. Use another name."
                self.errors.append(self.file.error([section, name, "kind"], sentence))
            elif (normal := self._normal(section, name, declared, stored)) is not None:
                yield from self._change(section, name, normal, stored)

    def gone(self, section: str) -> Iterator[PlannedChange]:
        """Yield the members that the file lacks."""
        declared = self.file.content.section(section)
        for name, member in self.stored[section].items():
            if member.is_listed and name not in declared:
                yield PlannedChange("delete", section, name, stored=member)

    def _change(self, section: str, name: str, declared: Any, stored: StoredMember | None) -> Iterator[PlannedChange]:
        if stored is None:
            fields = {key: [None, value] for key, value in _set_fields(declared).items()}
            self._refuse_in_clear(section, name, fields)
            yield PlannedChange("create", section, name, fields, declared)
            return
        before, after = _all_fields(stored.declared), _all_fields(declared)
        fields = {
            key: [before.get(key), after.get(key)]
            for key in dict.fromkeys([*before, *after])
            if _differs(key, before.get(key), after.get(key))
        }
        self._refuse_in_clear(section, name, fields)
        if fields:
            yield PlannedChange("change", section, name, fields, declared, stored)

    def _normal(self, section: str, name: str, declared: Any, stored: StoredMember | None) -> Any:
        """Return a declaration in the form in which it would be stored; None if it has faults."""
        known = len(self.errors)
        changes = {"secrets": self._of_secret, "integrations": self._of_integration, "webhooks": self._of_webhook}
        normal = declared.model_copy(update=changes[section](name, declared, stored))
        return normal if len(self.errors) == known else None

    def _of_secret(self, name: str, declared: Any, stored: StoredMember | None) -> Fields:
        domains = []
        for number, text in enumerate(declared.allowed_domains):
            try:
                is_kept = stored and text in stored.declared.allowed_domains
                domains.append(text if is_kept else clean_domain(text, operator_hosts=bool(settings.EGRESS_ALLOW)))
            except BadDomain as problem:
                self.errors.append(self.file.error(["secrets", name, "allowed_domains", number], str(problem)))
        if stored and set(domains) == set(stored.declared.allowed_domains):
            domains = stored.declared.allowed_domains
        return {"allowed_domains": [*dict.fromkeys(domains)], "required_in": _required(declared, stored)}

    def _of_integration(self, name: str, declared: Any, stored: StoredMember | None) -> Fields:
        path = ["integrations", name]
        if declared.kind not in KINDS:
            self.errors.append(self.file.error([*path, "kind"], f"Choose one of: {', '.join(KINDS)}."))
            return {}
        kept = stored.declared if stored else None
        try:
            config = full_form(declared.kind, declared.config)
        except Invalid as invalid:
            self.errors += self.file.errors_at(path, invalid.errors)
            return {}
        self._check_parents(path, declared.kind, config, kept.config if kept else {})
        tool_name = kept.tool_name if kept and declared.tool_name is None else declared.tool_name
        rules = kept.rules if kept and declared.rules is None else declared.rules or None
        return {"config": config, "tool_name": tool_name, "rules": rules}

    def _check_parents(self, path: list[str], kind: str, config: Fields, kept: Fields) -> None:
        """Note a connection or connector that there will not be. One that the actor does not see may stay."""
        for parent, role in parent_fields(kind).items():
            name, known = config[parent], self._with_role(role)
            is_unseen = name == kept.get(parent) and name not in self.stored["integrations"]
            if name is not None and name not in known and not is_unseen:
                error = self.file.error([*path, "config", parent], no_such(WORDS[role], name, known, lists=False))
                self.errors.append(error)

    def _of_webhook(self, _name: str, declared: Any, _stored: StoredMember | None) -> Fields:
        try:
            place = place_of(EndpointFields(EndpointKind(declared.kind), address=declared.address))
        except Refusal:
            return {}  # the service names what is wrong
        return {"address": place.url or declared.address}

    def _with_role(self, role: str) -> set[str]:
        """Return the names that there will be for a connection or a connector."""
        if role not in self.names:
            kinds, declared = ROLES[role].kinds, self.file.content.section("integrations")
            self.names[role] = {name for name, each in declared.items() if each.kind in kinds} | {
                name
                for name, member in self.stored["integrations"].items()
                if member.declared.kind in kinds and not (self.prune and member.is_listed)
            }
        return self.names[role]

    def _refuse_in_clear(self, section: str, name: str, fields: Mapping[str, list[Any]]) -> None:
        """Note credentials in the texts of secrets and webhooks. Saving refuses those of integrations."""
        if section == "integrations" or self.accepts_raw:
            return
        for key in {"description", "address"} & fields.keys():
            for found in detection.find("", fields[key][1] or "", {}):
                sentence = IN_CLEAR.format(found.looks_like)
                self.errors.append(self.file.error([section, name, key], sentence))


def _required(declared: Any, stored: StoredMember | None) -> list[Any]:
    """Return where a secret has to have a value. A requirement that a value meets is no difference."""
    if stored is None:
        return list(declared.required_in)
    kept, wanted = set(stored.declared.required_in), set(declared.required_in)
    return list(stored.declared.required_in if kept <= wanted <= kept | stored.valued else declared.required_in)


def _all_fields(declared: Any) -> Fields:
    """Return every field; those of a configuration each by itself."""
    return _flat(declared.model_dump())


def _set_fields(declared: Any) -> Fields:
    """Return the fields that do not have their default."""
    fields = declared.model_dump(exclude_defaults=True)
    if "config" in fields:
        fields["config"] = short_form(declared.kind, declared.config)
    return _flat(fields)


def _flat(fields: Fields) -> Fields:
    config = fields.pop("config", {})
    return fields | {f"config.{name}": value for name, value in config.items()}


def _differs(key: str, before: Any, after: Any) -> bool:
    """Return whether a field changes; parameters also by the spelling of a number."""
    if key == "config.parameters":
        return write_json(before) != write_json(after)
    return bool(before != after)
