"""One HTTP call with fixed destination, which agents may make with arguments.

Owns: what the configuration of an action may say and the request template made of it. Encoding and sending are not its
business; the shape of each part is checked by the module that renders it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from uuid import UUID

from accounts.errors import FieldError
from integrations.conversations import Destination, HttpCall
from integrations.json_body import parse_json_body
from integrations.kinds import api_action_rules as rules
from integrations.kinds.api_action_config import ApiActionConfig, BodyConfig
from integrations.kinds.auth_connector import AuthConnectorConfig, Credential, credential_of
from integrations.kinds.base import NO_PARENTS, Kind, Operation, Parents, Slot
from integrations.kinds.fields import Entry, read_shape
from integrations.placeholders import parse
from integrations.requests import Body, FormBody, Pair, RequestTemplate, TextBody

CALL = "call"
SAFE_METHODS = frozenset({"GET", "HEAD"})


class ApiAction(Kind[ApiActionConfig]):
    """The kind `api_action`."""

    key: ClassVar[str] = "api_action"
    label: ClassVar[str] = "API action"
    plural: ClassVar[str] = "API actions"
    icon: ClassVar[str] = "zap"

    def read(self, raw: Mapping[str, Any]) -> ApiActionConfig:
        """Known fields, right types. Raises Invalid."""
        return read_shape(ApiActionConfig, raw)

    def problems(self, config: ApiActionConfig) -> list[FieldError]:
        """What is wrong with each part; once the parts are right, what is wrong between them."""
        return rules.problems_of_parts(config) or rules.problems_with_params(config, self.slots(config))

    def summary(self, config: ApiActionConfig) -> str:
        """`POST api.example.com/v1/contacts`."""
        return f"{config.method} {config.base_url.partition('://')[2].rstrip('/')}{config.path}"

    def slots(self, config: ApiActionConfig) -> list[Slot]:
        """`path`, `headers.NAME`, `query.NAME`, `body` and `check.path`."""
        slots = [
            Slot("path", parse(config.path), "config.path"),
            *_entry_slots("headers", config.headers),
            *_entry_slots("query", config.query),
            *_body_slots(config.body),
        ]
        if config.check:
            slots.append(Slot("check.path", parse(config.check.path), "config.check.path"))
        return slots

    def destinations(self, config: ApiActionConfig) -> list[Destination]:
        """The base URL."""
        return [Destination("config.base_url", config.base_url)]

    def connector_id(self, config: ApiActionConfig) -> UUID | None:
        """The one that it names, if any."""
        return config.auth_connector

    def operations(self, config: ApiActionConfig) -> list[Operation]:
        """The one call that it describes."""
        described = f"{config.method} {config.path or '/'}"
        return [Operation(CALL, described, _closed(config.parameters), read_only=config.method in SAFE_METHODS)]

    def plan(self, config: ApiActionConfig, operation: str, parents: Parents = NO_PARENTS) -> HttpCall:  # noqa: ARG002
        """The call, with the connector's credential in place of an entry of the same name."""
        credential = _credential(parents.connector)
        return HttpCall(_request(config, config.method, config.path, credential, _body(config.body)))

    def check(self, config: ApiActionConfig, parents: Parents = NO_PARENTS) -> HttpCall | None:
        """The declared check: no body, and no header or query entry that would need an argument."""
        if config.check is None:
            return None
        fixed = config.model_copy(
            update={"headers": _without_params(config.headers), "query": _without_params(config.query)}
        )
        return HttpCall(_request(fixed, config.check.method, config.check.path, _credential(parents.connector), None))

    def problems_with_parents(self, config: ApiActionConfig, parents: Parents) -> list[FieldError]:
        """Entries that the connector's credential would collide with (DESIGN section 5)."""
        return list(_collisions(config, _credential(parents.connector)))


def _entry_slots(place: str, entries: list[Entry]) -> list[Slot]:
    return [
        Slot(f"{place}.{entry.name}", parse(entry.value), f"config.{place}[{index}].value")
        for index, entry in enumerate(entries)
    ]


def _body_slots(config: BodyConfig) -> list[Slot]:
    body = _body(config)
    if isinstance(body, FormBody):
        fields = [f"config.body.content[{index}].value" for index in range(len(body.pairs))]
        return [Slot("body", pair.value, field) for pair, field in zip(body.pairs, fields, strict=True)]
    return [Slot("body", template, "config.body.content") for template in (body.templates if body else ())]


def _request(
    config: ApiActionConfig, method: str, path: str, credential: Credential, body: Body | None
) -> RequestTemplate:
    taken = credential.header_names, {pair.name for pair in credential.query}
    headers = [entry for entry in config.headers if entry.name.lower() not in taken[0]]
    query = [entry for entry in config.query if entry.name not in taken[1]]
    return RequestTemplate(
        method=method,
        base_url=config.base_url,
        path=parse(path),
        query=(*_pairs(query), *credential.query),
        headers=(*_pairs(headers), *credential.headers),
        body=body,
        timeout_seconds=config.timeout_seconds,
        basic=credential.basic,
    )


def _credential(connector: AuthConnectorConfig | None) -> Credential:
    return credential_of(connector) if connector else Credential()


def _body(body: BodyConfig) -> Body | None:
    if isinstance(body.content, list):
        return FormBody(_pairs(body.content))
    if body.type == "json":
        return parse_json_body(body.content or "")
    return TextBody(parse(body.content or "")) if body.type == "text" else None


def _pairs(entries: list[Entry]) -> tuple[Pair, ...]:
    return tuple(Pair(entry.name, parse(entry.value)) for entry in entries)


def _without_params(entries: list[Entry]) -> list[Entry]:
    return [entry for entry in entries if not parse(entry.value).param_names]


def _closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The declaration as a complete schema: unknown arguments are refused whether it says so or not."""
    return {"properties": {}, **schema, "type": "object", "additionalProperties": False}


def _collisions(config: ApiActionConfig, credential: Credential) -> Iterator[FieldError]:
    sentence = "The auth connector sends this already; remove it here, or choose another connector."
    headers = credential.header_names
    for index, entry in enumerate(config.headers):
        if entry.name.lower() in headers:
            yield FieldError(f"config.headers[{index}].name", sentence)
    query = {pair.name for pair in credential.query}
    for index, entry in enumerate(config.query):
        if entry.name in query:
            yield FieldError(f"config.query[{index}].name", sentence)
