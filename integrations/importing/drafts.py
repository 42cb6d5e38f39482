"""What was read from a description of an API: the draft of a connection, its credentials and its actions.

Configurations in a draft name secrets by the names that are proposed; the person who imports may choose others
(`plan.py`). A raw credential that stood in the text is the value of a `DraftSecret` and stands nowhere else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from accounts.errors import FieldError, Invalid
from integrations.kinds.api_action.kind import SAFE_METHODS
from secrets_app.plaintext import Plaintext

MOST_OPERATIONS = 2000
"""How many operations a description may have."""
MOST_CHOSEN = 100
"""How many actions one import makes."""
NOT_IMPORTED = "Nothing was imported."
SOURCE = "document"
"""The field of refusals that concern the text itself."""


class NotReadable(Invalid):
    """The text cannot be imported. The error says where and why, and quotes no value."""

    title = "Not read"

    def __init__(self, sentence: str, *, line: int = 0) -> None:
        """Make the refusal of one sentence."""
        super().__init__(NOT_IMPORTED, errors=[FieldError(SOURCE, sentence, line=line)])


class NotImportable(Exception):  # noqa: N818 - named like the refusals
    """One operation cannot become an action; the others can. The message says why."""


@dataclass(frozen=True, slots=True)
class DraftSecret:
    """A credential that a draft needs.

    Attributes:
        name: the proposed name, which the draft's configurations use.
        place: where it goes, in words.
        value: the credential; None if none stood in the text.
    """

    name: str
    place: str
    value: Plaintext | None = field(default=None, compare=False)

    @property
    def has_value(self) -> bool:
        """Whether the credential stood in the text."""
        return self.value is not None


@dataclass(frozen=True, slots=True)
class DraftScheme:
    """A security scheme: how the API wants its credential.

    Attributes:
        config: the configuration of an auth connector; empty if Coffer cannot do what the scheme wants.
        problem: why it cannot.
    """

    key: str
    label: str
    config: Mapping[str, Any] = field(hash=False, default_factory=dict)
    secrets: tuple[DraftSecret, ...] = ()
    problem: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Outline:
    """An operation in a list.

    Attributes:
        key: its identity within the description: method and path.
        name: the proposed name of the action.
        subject: what the description calls it: its operation id.
    """

    key: str
    name: str
    method: str
    path: str
    subject: str = ""
    summary: str = ""
    tags: tuple[str, ...] = ()

    @property
    def is_read(self) -> bool:
        """Whether the method only reads."""
        return self.method in SAFE_METHODS


@dataclass(frozen=True, slots=True)
class DraftAction:
    """An operation as an API action.

    Attributes:
        config: the configuration without connection and connector.
        needs: the keys of the security schemes whose credentials it sends together.
        scopes: what it needs of OAuth 2.
        address: a base URL of its own, unless it is that of the connection.
        secrets: credentials that stand in the request itself.
        notes: what was left out or changed, as sentences.
        problem: why it cannot become an action.
    """

    outline: Outline
    config: Mapping[str, Any] = field(hash=False, default_factory=dict)
    description: str = ""
    needs: tuple[str, ...] = ()
    address: str = ""
    secrets: tuple[DraftSecret, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A description of an API as Coffer would import it.

    Attributes:
        form: what the text is: `OpenAPI 3.1`, `curl`, `Postman 2.1`.
        addresses: the base URLs that it names, the first one is proposed.
        build: makes the action of an operation.
        fingerprint: tells texts apart; of a text with credentials it says only which operations it has.
    """

    form: str
    title: str
    addresses: Sequence[str]
    schemes: Mapping[str, DraftScheme] = field(hash=False)
    outlines: Sequence[Outline] = field(hash=False)
    build: Callable[[Outline], DraftAction] = field(hash=False)
    version: str = ""
    notes: Sequence[str] = ()
    fingerprint: str = ""

    def outline(self, key: str) -> Outline | None:
        """Return the operation with this key."""
        return next((each for each in self.outlines if each.key == key), None)
