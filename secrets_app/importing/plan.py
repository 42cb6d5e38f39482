"""The plan of an import: for each line of a `.env` text, whether it is created, replaced, skipped or refused, and why.

This module decides and `apply` writes. The number of queries does not depend on the number of lines. Lines carry their
values as `Plaintext`; pages and responses show only numbers, names and messages.

If a name occurs twice, the last entry counts, as in other readers of such files. Entries without a value are skipped.
Names that differ only in case, from each other or from a stored name, are refused.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice

from django.db.models.functions import Lower

from accounts.common.environments import Environment
from accounts.errors import FieldError, Invalid
from accounts.models import Organization
from secrets_app.errors import TextTooLarge
from secrets_app.importing import dotenv
from secrets_app.importing.references import TooManyReferences, fill_in
from secrets_app.models import Secret, SecretValue
from secrets_app.naming.names import problem_with_name, propose_name
from secrets_app.naming.value_rules import ValueWarning, looks_like_setting, problem_with_value, warnings_for
from secrets_app.plaintext import Plaintext
from secrets_app.validation.required_domains import domains_needed, lacks_domains

TOO_LARGE = "The text has more than 1 MiB. Import it in parts."
ENDLESS = (
    "The references of the text lead in a circle, or make a value longer than 64 KiB. "
    "Import it without filling them in."
)
TOO_MANY = f"The text has more than {dotenv.MAX_ENTRIES:,} entries. Import it in parts."


class LineAction(StrEnum):
    """What the import does with a line."""

    CREATED = "created"
    REPLACED = "replaced"
    SKIPPED = "skipped"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ImportChoices:
    """The caller's decisions about lines: new names, and lines to leave out, both by the name in the text.

    With `fill_references`, `${NAME}` becomes the value of that entry of the text.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    allow_short: bool = False
    fill_references: bool = False


@dataclass(frozen=True, slots=True)
class ImportLine:
    """A line of the text. `written` is the name in the text and `name` the name of the secret; both may be empty.

    `references` are the names of `${…}` that stay as they are; with `is_setting` the value looks like
    no credential.
    """

    number: int
    written: str
    name: str
    act: LineAction
    reason: str = ""
    code: str = ""
    proposed: str = ""
    warnings: list[ValueWarning] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    is_setting: bool = False
    secret: Secret | None = None
    value: Plaintext | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The plan or the result of an import, line by line."""

    environment: Environment
    lines: list[ImportLine]

    def of(self, act: LineAction) -> list[ImportLine]:
        """Return the lines with this action, in the order of the text."""
        return [line for line in self.lines if line.act is act]

    @property
    def token(self) -> str:
        """A hash of names, actions and stored versions, which ties an import to the result of a dry run."""
        shown = [
            (line.name, line.act.value, line.secret.version if line.secret else 0)
            for line in self.lines
            if line.act in {LineAction.CREATED, LineAction.REPLACED}
        ]
        return hashlib.sha256(json.dumps([self.environment.value, shown]).encode()).hexdigest()


def plan(
    organization: Organization, environment: Environment, text: Plaintext, choices: ImportChoices, *, lock: bool
) -> ImportReport:
    """Decide about every line of the text.

    Args:
        lock: lock the secrets that get a value until the transaction ends, in the order of their names.

    Raises:
        TextTooLarge: the text exceeds the size limit.
        Invalid: its references cannot be filled in.
    """
    found = _read(text)
    if choices.fill_references:
        found = _filled(found)
    entries = [item for item in found if isinstance(item, dotenv.DotenvEntry)]
    classifier = _Classifier(
        organization, environment, choices, entries, _Stored(organization, environment, entries, choices, lock=lock)
    )
    return ImportReport(environment, [classifier.line(item) for item in found])


def _read(text: Plaintext) -> list[dotenv.DotenvEntry | dotenv.BadLine]:
    problem = TOO_LARGE if dotenv.is_too_large(text) else ""
    found = [] if problem else list(islice(dotenv.parse(text), dotenv.MAX_ENTRIES + 1))
    if len(found) > dotenv.MAX_ENTRIES:
        problem = TOO_MANY
    if problem:
        raise TextTooLarge("The text is too large.", errors=[FieldError("dotenv", problem)])
    return found


def _filled(found: list[dotenv.DotenvEntry | dotenv.BadLine]) -> list[dotenv.DotenvEntry | dotenv.BadLine]:
    entries = [item for item in found if isinstance(item, dotenv.DotenvEntry)]
    try:
        by_line = {entry.line: entry for entry in fill_in(entries)}
    except TooManyReferences:
        raise Invalid("The text cannot be imported.", errors=[FieldError("dotenv", ENDLESS)]) from None
    return [by_line.get(item.line, item) for item in found]


class _Stored:
    """The stored secrets with these names, ignoring case, and which of them have a value in the environment."""

    def __init__(
        self,
        organization: Organization,
        environment: Environment,
        entries: list[dotenv.DotenvEntry],
        choices: ImportChoices,
        *,
        lock: bool,
    ) -> None:
        names = {choices.names.get(entry.name, entry.name) for entry in entries}
        folded = {name.lower() for name in names if not problem_with_name(name)}  # a database refuses some others
        same = Secret.objects.of(organization).annotate(folded=Lower("name")).filter(folded__in=folded)
        rows = Secret.objects.filter(pk__in=list(same.values_list("pk", flat=True))).order_by("name")
        self.by_folded = {secret.name.lower(): secret for secret in (rows.select_for_update() if lock else rows)}
        values = SecretValue.objects.current().filter(
            secret__in=[secret.pk for secret in self.by_folded.values()], environment=environment.value
        )
        self.with_value = set(values.values_list("secret", flat=True))


class _Classifier:
    """Decides about each line with knowledge of all lines."""

    def __init__(
        self,
        organization: Organization,
        environment: Environment,
        choices: ImportChoices,
        entries: list[dotenv.DotenvEntry],
        stored: _Stored,
    ) -> None:
        self._organization = organization
        self._environment, self._choices, self._stored = environment, choices, stored
        self._last = {entry.name: entry.line for entry in entries}
        self._wanted: dict[str, list[int]] = defaultdict(list)
        for entry in entries:
            if self._counts(entry):
                self._wanted[self._name(entry).lower()].append(entry.line)

    def line(self, item: dotenv.DotenvEntry | dotenv.BadLine) -> ImportLine:
        """Return the decision about a line."""
        if isinstance(item, dotenv.BadLine):
            return ImportLine(item.line, item.name, item.name, LineAction.REFUSED, item.reason, "invalid")
        if not self._counts(item):
            return ImportLine(item.line, item.name, self._name(item), LineAction.SKIPPED, self._why_skipped(item))
        return self._counted_line(item, self._name(item), self._stored.by_folded.get(self._name(item).lower()))

    def _name(self, entry: dotenv.DotenvEntry) -> str:
        return self._choices.names.get(entry.name, entry.name)

    def _counts(self, entry: dotenv.DotenvEntry) -> bool:
        left_out = entry.name in self._choices.left_out
        return not entry.is_empty and not left_out and self._last[entry.name] == entry.line

    def _why_skipped(self, entry: dotenv.DotenvEntry) -> str:
        if entry.name in self._choices.left_out:
            setting = (
                ": the value looks like a setting, not like a credential" if looks_like_setting(entry.value) else ""
            )
            return f"It is left out{setting}."
        if self._last[entry.name] != entry.line:
            return f"Line {self._last[entry.name]} has the same name. The last one counts."
        return "It has no value."

    def _counted_line(self, entry: dotenv.DotenvEntry, name: str, secret: Secret | None) -> ImportLine:
        reason, code, proposed = self._problem(entry, name, secret)
        if reason:
            return ImportLine(
                entry.line,
                entry.name,
                name,
                LineAction.REFUSED,
                reason,
                code,
                proposed,
                is_setting=looks_like_setting(entry.value),
            )
        act = LineAction.REPLACED if secret else LineAction.CREATED
        note = self._note(entry, secret)
        return ImportLine(
            entry.line,
            entry.name,
            name,
            act,
            note,
            warnings=warnings_for(entry.value),
            references=entry.references,
            is_setting=looks_like_setting(entry.value),
            secret=secret,
            value=entry.value,
        )

    def _note(self, entry: dotenv.DotenvEntry, secret: Secret | None) -> str:
        """Return what the caller should know about a line that is imported."""
        notes = []
        if entry.references:
            names = ", ".join(f"${{{name}}}" for name in entry.references[:3])
            why = ", for this text does not have it" if self._choices.fill_references else ""
            notes.append(f"The value keeps {names} as written{why}.")
        if secret and secret.pk not in self._stored.with_value:
            notes.append(f"It has no {self._environment.label} value yet.")
        if secret and not secret.enabled:
            notes.append("It is disabled and stays so.")
        return " ".join(notes)

    def _problem(self, entry: dotenv.DotenvEntry, name: str, secret: Secret | None) -> tuple[str, str, str]:
        """Return the reason to refuse an entry, its code and a proposed name; empty strings if there is none."""
        if problem := problem_with_name(name):
            return problem.partition(" For example:")[0], "invalid", propose_name(name)
        twins = self._wanted[name.lower()]
        if len(twins) > 1:
            lines = ", ".join(map(str, twins[:-1])) + f" and {twins[-1]}"
            reason = f"Lines {lines} would have the same name, or names that differ only in case. Keep one."
            return reason, "invalid", ""
        if secret and secret.name != name:
            return f"There is a secret called {secret.name}. Names may not differ only in case.", "invalid", secret.name
        if lacks_domains(self._organization, [self._environment], secret.allowed_domains if secret else []):
            advice = f"Edit {secret.name} and add one first." if secret else "Create this secret in its form, with one."
            return f"{domains_needed(self._organization)} {advice}", "invalid", ""
        found = problem_with_value(entry.value, allow_short=self._choices.allow_short)
        return (found.message, found.code, "") if found else ("", "", "")
