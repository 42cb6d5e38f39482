"""Saved values that cannot go into the place where an integration sends them. Nothing is opened.

The rules are those of `integrations/templating/slots.py`, applied to the facts that are kept of a value
(`secrets_app/naming/value_traits.py`). Values that were stored before these facts were kept are not judged.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from accounts.common.environments import Environment
from accounts.errors import Invalid, Refusal
from integrations.exchange.messages import BasicAuth, RequestTemplate
from integrations.inheritance import operations_of, plan_of, with_parents
from integrations.models import Integration
from integrations.templating.placeholders import SecretPlaceholder, Template
from secrets_app.naming.value_traits import SCHEMES, Trait

_NO_HEADER = "a line break or another character that a header may not hold"
_EDGE = "a blank at an edge, which a header may not have"
_CONTROL = "a line break or another control character"


@dataclass(frozen=True, slots=True)
class Place:
    """A place where an integration sends a value.

    Attributes:
        label: the place in messages.
        refused: facts about a value that the place refuses, each with what is wrong with it.
    """

    label: str
    secret: str
    refused: tuple[tuple[Trait, str], ...]

    def problem(self, traits: int, environment: Environment) -> str | None:
        """Return why a value cannot go there, in a sentence; None if it can."""
        for trait, words in self.refused:
            if trait & traits:
                return (
                    f"{self.label}: the {environment.label} value of {self.secret} has {words}. "
                    "Enter it again without that, or change the integration."
                )
        return None


def places_of(integration: Integration) -> list[Place]:
    """Return the places where the runs of an integration send values that not every value fits into."""
    found: list[Place] = []
    for name in operations_of(integration):
        try:
            exchange = plan_of(with_parents(integration), name)
        except (Invalid, Refusal):  # what is wrong with it is told elsewhere
            continue
        found += [place for request in exchange.requests for place in _places(request)]
        for label, template in exchange.sip_texts.items():
            found += _all(template, label, (Trait.LINE_BREAK | Trait.TAB, _CONTROL))
    return list(dict.fromkeys(found))


def _places(request: RequestTemplate) -> Iterator[Place]:
    for pair in request.headers:
        yield from _in_header(f"Header {pair.name}", pair.value)
    if request.basic and not request.basic.encoded:
        yield from _in_basic(request.basic)


def _in_header(label: str, template: Template) -> Iterator[Place]:
    parts = template.parts
    for index, part in enumerate(parts):
        if not isinstance(part, SecretPlaceholder):
            continue
        refused = [(Trait.LINE_BREAK | Trait.NOT_ASCII, _NO_HEADER)]
        refused += [(Trait.BLANK_FIRST, _EDGE)] if index == 0 else []
        refused += [(Trait.BLANK_LAST, _EDGE)] if index == len(parts) - 1 else []
        before = str(parts[0]) if index == 1 else ""
        scheme = before.strip().lower() if before[-1:].isspace() else ""
        if scheme in SCHEMES:
            refused.append((SCHEMES[scheme], f"“{before.strip()} ” at its beginning, which the header adds already"))
        yield Place(label, part.name, tuple(refused))


def _in_basic(basic: BasicAuth) -> Iterator[Place]:
    yield from _all(basic.username, "User name", (Trait.NOT_PRINTABLE, _CONTROL), (Trait.COLON, "a colon"))
    yield from _all(basic.password, "Password", (Trait.NOT_PRINTABLE, _CONTROL))


def _all(template: Template, label: str, *refused: tuple[Trait, str]) -> Iterable[Place]:
    return [Place(label, name, refused) for name in template.secret_names]
