"""The parts of an HTTP request that several kinds configure: path, headers, query and credential.

This module owns the rules for each part (docs/security-rules.md, "Slots"), as field errors that never quote the input,
and the merging of entries with those of a connection and connector.
"""

from collections.abc import Iterable, Iterator, Sequence

from accounts.errors import FieldError
from integrations.egress.policy import problem_with_header_name, problem_with_header_text
from integrations.exchange.messages import Pair
from integrations.kinds.auth_connector.config import AuthConnectorConfig
from integrations.kinds.auth_connector.credential import Credential, credential_of
from integrations.kinds.base import Slot
from integrations.kinds.config_fields import (
    Entry,
    NameAndValue,
    problem_with_fixed_name,
    problem_with_template,
    template_of,
)
from integrations.templating.entries import ListStyle
from integrations.templating.placeholders import parse
from integrations.templating.slots import problem_with_path


def path_problems(field: str, text: str) -> Iterator[FieldError]:
    """Yield what is wrong with a configured path."""
    template = template_of(text)
    if template is None:
        yield from problem_with_template(field, text)
    elif problem := problem_with_path(template):
        yield FieldError(field, problem)


def header_problems(entries: Sequence[NameAndValue]) -> Iterator[FieldError]:
    """Yield what is wrong with the names and values of headers."""
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        field = f"config.headers[{index}]"
        if problem := problem_with_header_name(entry.name):
            yield FieldError(f"{field}.name", problem)
        if entry.name.lower() in seen:
            yield FieldError(f"{field}.name", "This header is already listed above; keep one of them.")
        seen.add(entry.name.lower())
        yield from _header_value_problems(f"{field}.value", entry.value)


def credential_problems(field: str, text: str, *, in_header: bool = True) -> Iterator[FieldError]:
    """Yield what is wrong with the text of a credential, which may hold secrets and no arguments.

    Args:
        field: the field of the configuration, as errors name it.
        in_header: whether the text is sent in a header.
    """
    template = template_of(text)
    if template and template.param_names:
        yield FieldError(field, "A credential cannot hold an argument; use {secrets.NAME}.")
    elif in_header:
        yield from _header_value_problems(field, text)
    else:
        yield from problem_with_template(field, text)


def argument_problems(
    headers: Sequence[NameAndValue], query: Sequence[NameAndValue], sentence: str
) -> Iterator[FieldError]:
    """Yield an error with this sentence for each header or query parameter that holds an argument."""
    for place, entries in (("headers", headers), ("query", query)):
        for index, entry in enumerate(entries):
            template = template_of(entry.value)
            if template and template.param_names:
                yield FieldError(f"config.{place}[{index}].value", sentence)


def _header_value_problems(field: str, text: str) -> Iterator[FieldError]:
    template = template_of(text)
    if template is None:
        yield from problem_with_template(field, text)
    elif problem := problem_with_header_text(template):
        yield FieldError(field, problem)


def query_problems(entries: Sequence[NameAndValue]) -> Iterator[FieldError]:
    """Yield what is wrong with the names and values of query parameters."""
    for index, entry in enumerate(entries):
        yield from problem_with_fixed_name(f"config.query[{index}].name", entry.name)
        yield from problem_with_template(f"config.query[{index}].value", entry.value)


def entry_slots(place: str, entries: Sequence[NameAndValue]) -> list[Slot]:
    """Return the slots of a list of headers or query parameters: `headers.NAME`, `query.NAME`."""
    return [
        Slot(f"{place}.{entry.name}", parse(entry.value), f"config.{place}[{index}].value")
        for index, entry in enumerate(entries)
    ]


def pairs(entries: Iterable[NameAndValue]) -> tuple[Pair, ...]:
    """Return the entries with their values parsed."""
    return tuple(Pair(entry.name, parse(entry.value), style_of(entry)) for entry in entries)


def style_of(entry: NameAndValue) -> ListStyle:
    """Return how a list in the entry is sent."""
    return ListStyle(entry.style) if isinstance(entry, Entry) else ListStyle.REPEATED


def merged(own: Sequence[NameAndValue], inherited: Sequence[NameAndValue], *, ignore_case: bool) -> list[NameAndValue]:
    """Return the inherited entries that `own` does not override by name, followed by `own`.

    See docs/concepts.md, "Inheritance".
    """

    def key(entry: NameAndValue) -> str:
        return entry.name.lower() if ignore_case else entry.name

    taken = {key(entry) for entry in own}
    return [*(entry for entry in inherited if key(entry) not in taken), *own]


def without_params(entries: Sequence[NameAndValue]) -> list[NameAndValue]:
    """Return the entries without arguments."""
    return [entry for entry in entries if not parse(entry.value).param_names]


def credential(connector: AuthConnectorConfig | None) -> Credential:
    """Return the credential that a connector adds; an empty credential without a connector."""
    return credential_of(connector) if connector else Credential()


def not_sent_by(
    added: Credential, headers: Sequence[NameAndValue], query: Sequence[NameAndValue]
) -> tuple[list[NameAndValue], list[NameAndValue]]:
    """Return the headers and query parameters that the connector's credential does not replace."""
    names = {pair.name for pair in added.query}
    kept = [entry for entry in headers if entry.name.lower() not in added.header_names]
    return kept, [entry for entry in query if entry.name not in names]


def collisions(
    headers: Sequence[NameAndValue], query: Sequence[NameAndValue], added: Credential
) -> Iterator[FieldError]:
    """Yield an error for each entry that the connector's credential also sets."""
    sentence = "The auth connector already sends this; remove it here, or choose another connector."
    for index, entry in enumerate(headers):
        if entry.name.lower() in added.header_names:
            yield FieldError(f"config.headers[{index}].name", sentence)
    names = {pair.name for pair in added.query}
    for index, entry in enumerate(query):
        if entry.name in names:
            yield FieldError(f"config.query[{index}].name", sentence)
