"""What every kind of integration answers.

Owns: the questions that services, broker and pages put to a kind, so that none of them knows one by name. A kind is
pure: it reads a configuration and says what it holds, what it can do and which request that makes. It knows no
organization, no model and no egress policy: whoever saves a configuration judges its `destinations` with
`egress.admit_url`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel

from accounts.errors import FieldError, Invalid
from integrations.exchange.exchange import Conversation, Destination
from integrations.kinds.form_sections import Section
from integrations.templating.placeholders import Template

CHECK = "check"
"""The name under which a kind's harmless check is run and recorded; it is not one of its operations."""

Config = TypeVar("Config", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Slot:
    """A place where placeholders may stand, and the field it was entered in.

    Several slots may share a path: the strings of one JSON body do, and so do query parameters of one name.
    """

    path: str
    template: Template
    field: str


_SLOT_WORDS = {"headers": "Header", "auth": "Authentication"}


def slot_label(path: str) -> str:
    """A slot's path in words: `headers.Authorization` as `Header · Authorization`."""
    place, _, name = path.partition(".")
    word = _SLOT_WORDS.get(place, place.capitalize())
    return f"{word} · {name}" if name else word


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that an integration can do; without `calls` nothing is sent to anybody.

    `parameters` is the JSON Schema of one closed object.
    """

    name: str
    description: str
    parameters: dict[str, Any] = field(hash=False)
    read_only: bool
    calls: bool = True


@dataclass(frozen=True, slots=True)
class Parents:
    """The configurations of what an integration builds on; None where it does without."""

    connection: Any = None
    connector: Any = None


NO_PARENTS = Parents()


class Kind(ABC, Generic[Config]):
    """One kind of integration; `icon` is the name of a symbol in the sprite, `plural` the heading of a list of them."""

    key: ClassVar[str]
    label: ClassVar[str]
    plural: ClassVar[str]
    icon: ClassVar[str]
    about: ClassVar[str] = ""
    """A sentence for the head of its page."""
    sections: ClassVar[tuple[Section, ...]] = ()
    """Its form; empty for a kind that has a page of its own."""
    is_connector: ClassVar[bool] = False
    """Whether other integrations may take their authentication from it."""
    is_connection: ClassVar[bool] = False
    """Whether other integrations may take their address from it."""
    tools_operation: ClassVar[str] = ""
    """The operation that answers `{"tools": […]}` with what the other side offers; people approve each of them."""

    @property
    def new_title(self) -> str:
        """The heading of the page for a new one: `New auth connector`, `New API action`."""
        is_proper = not self.label[:2].istitle() or "." in self.label
        return f"New {self.label if is_proper else self.label[0].lower() + self.label[1:]}"

    def parse_config(self, raw: Mapping[str, Any]) -> Config:
        """The configuration, checked. Raises Invalid, whose `errors` name fields like `config.headers[0].value`."""
        config = self.read(raw)
        errors = self.problems(config)
        if errors:
            raise Invalid("The configuration cannot be used.", errors=errors)
        return config

    @abstractmethod
    def read(self, raw: Mapping[str, Any]) -> Config:
        """The configuration in its shape: known fields, right types. Raises Invalid."""

    @abstractmethod
    def problems(self, config: Config) -> list[FieldError]:
        """What is wrong with a configuration whose shape is right."""

    @abstractmethod
    def summary(self, config: Config) -> str:
        """A few words that tell it from others of its kind, for those who may read its configuration."""

    @abstractmethod
    def slots(self, config: Config) -> list[Slot]:
        """Every place that may hold placeholders, in the order of the page."""

    def destinations(self, config: Config) -> list[Destination]:  # noqa: ARG002 - a kind that calls nobody has none
        """The URLs that calls go to."""
        return []

    def connector_id(self, config: Config) -> UUID | None:  # noqa: ARG002 - most kinds take none
        """The auth connector that the configuration names."""
        return None

    def connection_id(self, config: Config) -> UUID | None:  # noqa: ARG002 - most kinds take none
        """The connection that the configuration names."""
        return None

    def operations(self, config: Config) -> list[Operation]:  # noqa: ARG002 - a kind that others build on has none
        """What it can do."""
        return []

    def plan(self, config: Config, operation: str, parents: Parents = NO_PARENTS) -> Conversation:  # noqa: ARG002
        """The conversation of one of its operations.

        Raises LookupError for a kind that has no operation: nobody who looked at `operations` asks it.
        """
        raise LookupError(f"{self.key} has no operation")

    def check(self, config: Config, parents: Parents = NO_PARENTS) -> Conversation | None:  # noqa: ARG002
        """The harmless conversation that shows whether its secrets work; None when there is no such thing."""
        return None

    def problems_with_parents(self, config: Config, parents: Parents) -> list[FieldError]:  # noqa: ARG002
        """What is wrong between a configuration and what it builds on; asked when either is saved."""
        return []
