"""The parts of an HTTP request that several kinds configure: base URL, path, headers and query.

Owns: the rules for each part (docs/security-rules.md, "Slots"), spoken as field errors that quote nothing that was
entered, and how the entries of an integration and those of its connection and connector come together.
"""

from collections.abc import Iterable, Iterator

from accounts.errors import FieldError
from integrations.egress.policy import problem_with_header_name, problem_with_header_text
from integrations.exchange.messages import Pair
from integrations.kinds.auth_connector.kind import AuthConnectorConfig, Credential, credential_of
from integrations.kinds.base import Slot
from integrations.kinds.config_fields import NameAndValue, problem_with_fixed_name, problem_with_template, template_of
from integrations.templating.placeholders import parse
from integrations.templating.slots import problem_with_path


def path_problems(field: str, text: str) -> Iterator[FieldError]:
    template = template_of(text)
    if template is None:
        yield from problem_with_template(field, text)
    elif problem := problem_with_path(template):
        yield FieldError(field, problem)


def header_problems(entries: list[NameAndValue]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        field = f"config.headers[{index}]"
        if problem := problem_with_header_name(entry.name):
            yield FieldError(f"{field}.name", problem)
        if entry.name.lower() in seen:
            yield FieldError(f"{field}.name", "This header is listed above already; keep one of them.")
        seen.add(entry.name.lower())
        yield from _header_value_problems(f"{field}.value", entry.value)


def _header_value_problems(field: str, text: str) -> Iterator[FieldError]:
    template = template_of(text)
    if template is None:
        yield from problem_with_template(field, text)
    elif problem := problem_with_header_text(template):
        yield FieldError(field, problem)


def query_problems(entries: list[NameAndValue]) -> Iterator[FieldError]:
    for index, entry in enumerate(entries):
        yield from problem_with_fixed_name(f"config.query[{index}].name", entry.name)
        yield from problem_with_template(f"config.query[{index}].value", entry.value)


def entry_slots(place: str, entries: list[NameAndValue]) -> list[Slot]:
    """The slots of a list of headers or query parameters: `headers.NAME`."""
    return [
        Slot(f"{place}.{entry.name}", parse(entry.value), f"config.{place}[{index}].value")
        for index, entry in enumerate(entries)
    ]


def pairs(entries: Iterable[NameAndValue]) -> tuple[Pair, ...]:
    """The entries with their values parsed."""
    return tuple(Pair(entry.name, parse(entry.value)) for entry in entries)


def merged(own: list[NameAndValue], inherited: list[NameAndValue], *, ignore_case: bool) -> list[NameAndValue]:
    """The inherited entries that have no namesake among the own ones, then the own ones.

    See docs/concepts.md, "Inheritance".
    """

    def key(entry: NameAndValue) -> str:
        return entry.name.lower() if ignore_case else entry.name

    taken = {key(entry) for entry in own}
    return [*(entry for entry in inherited if key(entry) not in taken), *own]


def without_params(entries: list[NameAndValue]) -> list[NameAndValue]:
    """The entries that need no argument."""
    return [entry for entry in entries if not parse(entry.value).param_names]


def credential(connector: AuthConnectorConfig | None) -> Credential:
    """What the connector adds; nothing where there is none."""
    return credential_of(connector) if connector else Credential()


def not_sent_by(
    added: Credential, headers: list[NameAndValue], query: list[NameAndValue]
) -> tuple[list[NameAndValue], list[NameAndValue]]:
    """The entries that the connector's credential does not replace."""
    names = {pair.name for pair in added.query}
    kept = [entry for entry in headers if entry.name.lower() not in added.header_names]
    return kept, [entry for entry in query if entry.name not in names]


def collisions(headers: list[NameAndValue], query: list[NameAndValue], added: Credential) -> Iterator[FieldError]:
    """Entries that the connector's credential would collide with."""
    sentence = "The auth connector sends this already; remove it here, or choose another connector."
    for index, entry in enumerate(headers):
        if entry.name.lower() in added.header_names:
            yield FieldError(f"config.headers[{index}].name", sentence)
    names = {pair.name for pair in added.query}
    for index, entry in enumerate(query):
        if entry.name in names:
            yield FieldError(f"config.query[{index}].name", sentence)
