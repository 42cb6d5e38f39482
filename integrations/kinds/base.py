"""The interface that every kind of integration implements.

Services, the broker and pages use this interface, so none of them depends on a particular kind. A kind is pure: it
reads a configuration and describes its slots, operations and requests. It knows no organization, no model and no egress
policy: the code that saves a configuration judges its `destinations` with `egress.policy.admit_url`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel

from accounts.errors import FieldError, Invalid
from integrations.exchange.exchange import Destination, Exchange
from integrations.kinds.config_fields import MOST_ARGUMENT_BYTES, read_shape
from integrations.kinds.form_sections import Section, Widget
from integrations.templating.placeholders import Template

CHECK = "check"
"""The operation that a run of the harmless check records; it is not among `operations`."""

Config = TypeVar("Config", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Slot:
    """A place that may hold placeholders, and the field of the configuration that it comes from.

    Several slots may share a path, such as the strings of a JSON body or query parameters of one name.
    """

    path: str
    template: Template
    field: str


@dataclass(frozen=True, slots=True)
class SlotField:
    """A field of the configuration that may hold placeholders of secrets.

    Attributes:
        field: such as `headers[].value`, for the value of each header.
        arguments: whether it may hold arguments of a run as well.
    """

    field: str
    arguments: bool = False


_SLOT_FIELDS = {Widget.TEMPLATE: "{}", Widget.PAIRS: "{}[].value"}
"""The part of a field that may hold placeholders, by the widget that it is entered with."""

_SLOT_WORDS = {"headers": "Header", "auth": "Authentication"}


def slot_label(path: str) -> str:
    """Return a slot's path in words: `headers.Authorization` becomes `Header · Authorization`."""
    place, _, name = path.partition(".")
    word = _SLOT_WORDS.get(place, place.capitalize())
    return f"{word} · {name}" if name else word


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of an integration.

    Attributes:
        parameters: the JSON Schema of the arguments: one closed object.
        read_only: whether the operation changes nothing at the upstream.
        destructive: whether it changes or removes what is there, rather than adding to it.
        idempotent: whether repeating it with the same arguments changes nothing more.
        calls: whether it sends anything.
        max_argument_bytes: how large the arguments may be together.
    """

    name: str
    description: str
    parameters: dict[str, Any] = field(hash=False)
    read_only: bool
    destructive: bool = False
    idempotent: bool = False
    calls: bool = True
    max_argument_bytes: int = MOST_ARGUMENT_BYTES


@dataclass(frozen=True, slots=True)
class Parents:
    """The configurations of an integration's connection and connector; None where it has none."""

    connection: Any = None
    connector: Any = None


NO_PARENTS = Parents()


class Kind(ABC, Generic[Config]):
    """A kind of integration.

    Attributes:
        plural: the heading of a list of integrations of this kind.
        icon: the name of a symbol in the sprite.
    """

    shape: ClassVar[type[Any]]
    """The pydantic model of the configuration, whose fields and types `read` checks."""
    key: ClassVar[str]
    label: ClassVar[str]
    plural: ClassVar[str]
    icon: ClassVar[str]
    about: ClassVar[str] = ""
    """A sentence for the head of the page."""
    sections: ClassVar[tuple[Section, ...]] = ()
    """The sections of the form; empty for a kind with a form of its own."""
    is_connector: ClassVar[bool] = False
    """Whether other integrations may use it as auth connector."""
    is_connection: ClassVar[bool] = False
    """Whether other integrations may use it as connection."""
    has_one_operation: ClassVar[bool] = False
    """Whether each integration has just one operation, so that its tool has the integration's own name."""
    tools_operation: ClassVar[str] = ""
    """The operation that returns the tools of the server as `{"tools": […]}`; people approve each tool."""
    calling_operation: ClassVar[str] = ""
    """The operation that calls the tool of the server whose name is the argument `name`."""

    @property
    def is_shared(self) -> bool:
        """Whether it is there for other integrations, and no agent calls it."""
        return self.is_connector or self.is_connection

    @property
    def new_title(self) -> str:
        """The heading of the page for a new integration: `New auth connector`, `New API action`."""
        is_proper = not self.label[:2].istitle() or "." in self.label
        return f"New {self.label if is_proper else self.label[0].lower() + self.label[1:]}"

    def parse_config(self, raw: Mapping[str, Any]) -> Config:
        """Return the checked configuration.

        Raises:
            Invalid: the configuration has problems; `errors` names fields like `config.headers[0].value`.
        """
        config = self.read(raw)
        errors = self.problems(config)
        if errors:
            raise Invalid("The configuration cannot be used.", errors=errors)
        return config

    def read(self, raw: Mapping[str, Any]) -> Config:
        """Return the configuration after checking its fields and types only.

        Raises:
            Invalid: a field is unknown, missing or of the wrong type.
        """
        checked: Config = read_shape(self.shape, raw)
        return checked

    @abstractmethod
    def problems(self, config: Config) -> list[FieldError]:
        """Return what is wrong with a configuration whose fields and types are right."""

    @abstractmethod
    def summary(self, config: Config) -> str:
        """Return a short description that distinguishes the integration from others of its kind.

        It may be shown to everybody who may read the configuration.
        """

    @abstractmethod
    def slots(self, config: Config) -> list[Slot]:
        """Return all places that may hold placeholders, in the order of the page."""

    def slot_fields(self) -> list[SlotField]:
        """Return the fields that may hold placeholders in any configuration. By default, those of the form."""
        fields = (field for section in self.sections for field in section.fields if field.widget in _SLOT_FIELDS)
        return [SlotField(_SLOT_FIELDS[field.widget].format(field.name)) for field in fields]

    def destinations(self, _config: Config, /) -> list[Destination]:
        """Return the URLs that runs call. By default there are none."""
        return []

    def connector_id(self, _config: Config, /) -> UUID | None:
        """Return the id of the auth connector in the configuration. By default there is none."""
        return None

    def connection_id(self, _config: Config, /) -> UUID | None:
        """Return the id of the connection in the configuration. By default there is none."""
        return None

    def operations(self, _config: Config, /) -> list[Operation]:
        """Return the operations. By default there are none."""
        return []

    def all_operations(self) -> list[Operation]:
        """Return every operation that an integration may have. By default, those where nothing is configured."""
        return self.operations(self.shape.model_construct()) if isinstance(self.shape, type) else []

    def plan(self, _config: Config, _operation: str, _parents: Parents = NO_PARENTS, /) -> Exchange:
        """Return the exchange of one of the `operations`.

        Raises:
            LookupError: the kind has no operations. Callers check `operations` first.
        """
        raise LookupError(f"{self.key} has no operation")

    def check(self, _config: Config, _parents: Parents = NO_PARENTS, /) -> Exchange | None:
        """Return the harmless exchange that shows whether the secrets work. By default there is none."""
        return None

    def problems_with_parents(self, _config: Config, _parents: Parents, /) -> list[FieldError]:
        """Return conflicts with the configurations of the connection and connector.

        Called when the integration or one of its parents is saved.
        """
        return []
