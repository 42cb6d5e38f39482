"""What a configuration file may say (docs/configuration.md): its models, and the line of each fault in one."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, StrictBool, StrictInt, ValidationError

from accounts.common.documents import Document, read_document
from accounts.common.environments import Environment, in_order
from accounts.common.texts import path_in_words
from accounts.errors import FieldError, Invalid
from integrations.kinds.config_fields import StrictConfig, sentence_for
from integrations.references.rename import steps
from integrations.rules.shape import MOST_NAMED, MOST_RULES, Asking, Rule

Step = str | int

NOT_APPLIED = "The file cannot be applied."
MOST_ERRORS = 100
"""The number of errors in one answer."""

HOLDS_NO_VALUES = (
    "A file holds no values. Leave this out, and store the value with “coffer secrets set”, on the page of the secret, "
    "or with PUT /secrets/by-name."
)


def _in_order(environments: list[Environment]) -> list[Environment]:
    return in_order(set(environments))


def _sorted(names: list[str]) -> list[str]:
    return sorted(set(names))


Environments = Annotated[list[Environment], Field(max_length=100), AfterValidator(_in_order)]
Texts = Annotated[list[str], Field(max_length=1000)]
Names = Annotated[Texts, AfterValidator(_sorted)]


class DeclaredSecret(StrictConfig):
    """A secret without its values.

    Attributes:
        required_in: where it has to have a value, whether anything refers to it or not.
    """

    description: str = ""
    allowed_domains: Texts = Field(default_factory=list)
    enabled: StrictBool = True
    is_identifier: StrictBool = False
    rotate_every_days: StrictInt | None = None
    required_in: Environments = Field(default_factory=list)


class DeclaredAsking(Asking):
    """How a person is asked, with the e-mail addresses of those who decide."""

    approvers: Annotated[list[str], Field(max_length=MOST_NAMED)] = []  # type: ignore[assignment]


class DeclaredRule(Rule):
    """A rule (docs/rules.md), with the names of API keys."""

    keys: Annotated[list[str], Field(max_length=MOST_NAMED)] = []  # type: ignore[assignment]
    ask: DeclaredAsking | None = None


class DeclaredIntegration(StrictConfig):
    """An integration. In `config`, a connection and a connector are named.

    Attributes:
        tool_name: the name of its tool for agents, or the start of their names. Left out, it is made of the name once
            and kept.
        config: the configuration of the kind (docs/api.md, "Configurations").
        rules: left out, they stay as they are.
    """

    kind: str
    description: str = ""
    tool_name: str | None = None
    only_approved_tools: StrictBool = True
    enabled: StrictBool = True
    environments: Environments = Field(default_factory=list)
    config: dict[str, Any]
    rules: Annotated[list[DeclaredRule], Field(max_length=MOST_RULES)] | None = None


class DeclaredWebhook(StrictConfig):
    """Where events go. What is sealed is not part of it: signing secrets, and the authorization of a stream.

    Attributes:
        recipients: of e-mail; empty for owners and admins.
        digest: of e-mail: one mail a day.
        events: types of events (docs/webhooks.md); a stream has none.
        after_minutes: how long a state of an integration has to last before it is told.
        paused: whether what happens waits.
    """

    kind: Literal["webhook", "email", "audit_lines", "audit_otlp"] = "webhook"
    address: str = ""
    recipients: Texts = Field(default_factory=list)
    digest: StrictBool = False
    events: Names = Field(default_factory=list)
    after_minutes: StrictInt = 0
    paused: StrictBool = False


class Configuration(StrictConfig):
    """A configuration file. A section that is left out is not touched; a field that is left out has its default."""

    version: Literal[1]
    secrets: dict[str, DeclaredSecret] = Field(default=None)  # type: ignore[arg-type]
    integrations: dict[str, DeclaredIntegration] = Field(default=None)  # type: ignore[arg-type]
    webhooks: dict[str, DeclaredWebhook] = Field(default=None)  # type: ignore[arg-type]

    def section(self, name: str) -> dict[str, Any]:
        """Return what a section declares, by name."""
        return getattr(self, name) or {}

    @property
    def sections(self) -> list[str]:
        """The sections that the file has."""
        return [name for name in SECTIONS if getattr(self, name) is not None]


SECTIONS = {"secrets": "secret", "integrations": "integration", "webhooks": "webhook"}
"""The sections, and what one of their members is called."""


@dataclass(frozen=True, slots=True)
class ConfigurationFile:
    """A configuration file that was read, and where everything stands in it."""

    content: Configuration
    line_of: Callable[[Sequence[Step]], int]

    def error(self, path: Sequence[Step], message: str, code: str = "") -> FieldError:
        """Return a fault of the file, with its line."""
        return FieldError(path_in_words(path), message, code, self.line_of(path))

    def errors_at(self, path: Sequence[Step], errors: Iterable[FieldError]) -> list[FieldError]:
        """Return the faults that a service found in one member, as faults of the file.

        Args:
            path: of the member.
        """
        return [
            self.error([*path, *steps(f".{error.field}" if error.field else "")], error.message, error.code)
            for error in errors
        ]


def read_file(written: str | bytes) -> ConfigurationFile:
    """Read a configuration file in YAML or JSON.

    Raises:
        DocumentUnreadable: it is neither, or breaks a bound.
        Invalid: it says something that a configuration does not have; each fault has its line.
    """
    document = read_document(written)
    try:
        content = Configuration.model_validate(document.content)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise refusal([_fault(document, dict(fault)) for fault in found]) from None
    file = ConfigurationFile(content, document.line_of)
    if twins := [*_twins(file)]:
        raise refusal(twins)
    return file


def refusal(errors: Sequence[FieldError]) -> Invalid:
    """Return the refusal of a file for these faults, in the order of their lines."""
    return Invalid(NOT_APPLIED, errors=sorted(errors, key=lambda error: error.line)[:MOST_ERRORS])


def _fault(document: Document, fault: dict[str, Any]) -> FieldError:
    path = fault["loc"]
    is_value = path[:1] == ("secrets",) and path[2:] in {("value",), ("values",)}
    model: type[BaseModel] = Configuration
    message = HOLDS_NO_VALUES if is_value else sentence_for(model, fault)
    return FieldError(path_in_words(path), message, line=document.line_of(path))


def _twins(file: ConfigurationFile) -> Iterable[FieldError]:
    """Yield a fault for each name that stands in the file in another case as well."""
    for section in file.content.sections:
        seen: dict[str, str] = {}
        for name in file.content.section(section):
            first = seen.setdefault(name.lower(), name)
            if first != name:
                yield file.error([section, name], f"This is the name {first} in another case. Choose another name.")
