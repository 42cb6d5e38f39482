"""The kind `api_action`: an HTTP request with a fixed destination, which agents call with arguments.

This module builds the request template from the configuration. Texts are encoded in `integrations.templating`, and the
rules of the configuration are in `rules.py`.
"""

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from typing_extensions import override

from accounts.errors import FieldError
from integrations.exchange.exchange import Destination, HttpCall
from integrations.exchange.messages import Body, FormBody, RequestTemplate, TextBody
from integrations.exchange.returns import STATUS_ALONE, PassedOn, Returns
from integrations.exchange.uploads import BinaryBody, FormPart, MultipartBody
from integrations.kinds.api_action import rules
from integrations.kinds.api_action.config import ApiActionConfig, BodyConfig, CheckConfig, PartConfig
from integrations.kinds.api_connection.kind import ApiConnectionConfig
from integrations.kinds.base import NO_PARENTS, Kind, Operation, Parents, Slot, SlotField
from integrations.kinds.http_parts import (
    collisions,
    credential,
    entry_slots,
    merged,
    not_sent_by,
    pairs,
    style_of,
    without_params,
)
from integrations.templating.files import as_callers_see
from integrations.templating.json_body import parse_json_body
from integrations.templating.parameter_schemas import may_be_file
from integrations.templating.placeholders import parse

CALL = "call"
CONTENT_TYPE = "content-type"
SAFE_METHODS = frozenset({"GET", "HEAD"})
DESTRUCTIVE_METHODS = frozenset({"PUT", "PATCH", "DELETE"})
IDEMPOTENT_METHODS = SAFE_METHODS | {"PUT", "DELETE"}
"""RFC 9110, section 9.2.2."""

_PARTS = ("body.content[].value", "body.content[].filename", "body.content[].content_type")
_TEXTS = ("path", "headers[].value", "query[].value", "body.content", *_PARTS, "body.content_type")
"""The fields that may hold secrets and arguments."""


class ApiAction(Kind[ApiActionConfig]):
    """The kind `api_action`."""

    shape: ClassVar[type[Any]] = ApiActionConfig
    key: ClassVar[str] = "api_action"
    has_one_operation: ClassVar[bool] = True
    label: ClassVar[str] = "API action"
    plural: ClassVar[str] = "API actions"
    icon: ClassVar[str] = "zap"

    def problems(self, config: ApiActionConfig) -> list[FieldError]:
        """Return what is wrong with each part, or with parameters if the parts are valid."""
        return rules.problems_of_parts(config) or rules.problems_with_params(config, self.slots(config))

    def summary(self, config: ApiActionConfig) -> str:
        """Return `POST api.example.com/v1/contacts`; without the host if the address comes from a connection."""
        return f"{config.method} {config.base_url.partition('://')[2].rstrip('/')}{config.path}"

    def slots(self, config: ApiActionConfig) -> list[Slot]:
        """Return the slots `path`, `headers.NAME`, `query.NAME`, `body` and `check.path`."""
        slots = [
            Slot("path", parse(config.path), "config.path"),
            *entry_slots("headers", config.headers),
            *entry_slots("query", config.query),
            *_body_slots(config.body),
        ]
        if config.check:
            slots.append(Slot("check.path", parse(config.check.path), "config.check.path"))
        return slots

    @override
    def slot_fields(self) -> list[SlotField]:
        """Return the texts of the request. The check has no arguments."""
        return [*(SlotField(field, arguments=True) for field in _TEXTS), SlotField("check.path")]

    def destinations(self, config: ApiActionConfig) -> list[Destination]:
        """Return the base URL, unless it comes from a connection."""
        return [Destination("config.base_url", config.base_url)] if config.base_url else []

    def connector_id(self, config: ApiActionConfig) -> UUID | None:
        """Return the id of the auth connector; without one, the connection's connector is used."""
        return config.auth_connector

    def connection_id(self, config: ApiActionConfig) -> UUID | None:
        """Return the id of the connection, if there is one."""
        return config.connection

    def operations(self, config: ApiActionConfig) -> list[Operation]:
        """Return the operation `call`."""
        described = f"{config.method} {config.path or '/'}"
        return [
            Operation(
                CALL,
                described,
                _closed(config.parameters),
                read_only=config.method in SAFE_METHODS,
                destructive=config.method in DESTRUCTIVE_METHODS,
                idempotent=config.method in IDEMPOTENT_METHODS,
                max_argument_bytes=config.max_argument_bytes,
            )
        ]

    @override
    def all_operations(self) -> list[Operation]:
        """Return `call`, whose parameters and hints depend on the configuration."""
        return [Operation(CALL, "Send the request", _closed({}), read_only=False)]

    @override
    def plan(self, config: ApiActionConfig, operation: str, parents: Parents = NO_PARENTS) -> HttpCall:
        """Return the request, merged with its connection and connector."""
        request = _request(config, parents, config.method, config.path, _body(config.body, config.parameters))
        returns = Returns(PassedOn(config.returns.type), config.returns.expression)
        return HttpCall(request, credential(parents.connector).token, config.follow_redirects, returns)

    def check(self, config: ApiActionConfig, parents: Parents = NO_PARENTS) -> HttpCall | None:
        """Return the check of the action or its connection. Entries with arguments and the body are left out."""
        declared = config.check or _check_of(parents.connection)
        if declared is None:
            return None
        fixed = config.model_copy(
            update={"headers": without_params(config.headers), "query": without_params(config.query)}
        )
        request = _request(fixed, parents, declared.method, declared.path, None)
        return HttpCall(request, credential(parents.connector).token, config.follow_redirects, STATUS_ALONE)

    def problems_with_parents(self, config: ApiActionConfig, parents: Parents) -> list[FieldError]:
        """Return an error for each entry that the connector also sends (docs/concepts.md, "Inheritance")."""
        return list(collisions(config.headers, config.query, credential(parents.connector)))


def _body_slots(config: BodyConfig) -> list[Slot]:
    field = "config.body.content"
    if isinstance(config.content, list):
        return [slot for index, entry in enumerate(config.content) for slot in _entry_slots(f"{field}[{index}]", entry)]
    if config.type == "binary":
        media_type = (
            [Slot("body", parse(config.content_type), "config.body.content_type")] if config.content_type else []
        )
        return [Slot("body", parse(config.content or ""), field), *media_type]
    body = _body(config, {})
    return [Slot("body", template, field) for template in (body.templates if body else ())]


def _entry_slots(field: str, entry: PartConfig) -> list[Slot]:
    texts = {"value": entry.value, "filename": entry.filename, "content_type": entry.content_type}
    return [Slot("body", parse(text), f"{field}.{part}") for part, text in texts.items() if text or part == "value"]


def _check_of(connection: ApiConnectionConfig | None) -> CheckConfig | None:
    return CheckConfig(path=connection.check_path) if connection and connection.check_path else None


def _request(config: ApiActionConfig, parents: Parents, method: str, path: str, body: Body | None) -> RequestTemplate:
    connection: ApiConnectionConfig | None = parents.connection
    added = credential(parents.connector)
    headers = merged(config.headers, connection.headers if connection else [], ignore_case=True)
    query = merged(config.query, connection.query if connection else [], ignore_case=False)
    headers, query = not_sent_by(added, headers, query)
    if isinstance(body, MultipartBody | BinaryBody) and body.sets_media_type:
        own = {entry.name.lower() for entry in config.headers}
        headers = [entry for entry in headers if entry.name.lower() != CONTENT_TYPE or CONTENT_TYPE in own]
    return RequestTemplate(
        method=method,
        base_url=connection.base_url if connection else config.base_url,
        path=parse(path),
        query=(*pairs(query), *added.query),
        headers=(*pairs(headers), *added.headers),
        body=body,
        timeout_seconds=config.timeout_seconds,
        basic=added.basic,
        most_bytes=config.max_response_bytes,
    )


def _body(body: BodyConfig, parameters: Mapping[str, Any]) -> Body | None:
    if isinstance(body.content, list):
        if body.type == "multipart":
            return MultipartBody(tuple(_part(entry, parameters) for entry in body.content))
        return FormBody(pairs(body.content))
    content = body.content or ""
    if body.type == "json":
        return parse_json_body(content)
    if body.type == "binary":
        return BinaryBody(parse(content), parse(body.content_type))
    return TextBody(parse(content)) if body.type == "text" else None


def _part(entry: PartConfig, parameters: Mapping[str, Any]) -> FormPart:
    value = parse(entry.value)
    return FormPart(
        entry.name,
        value,
        parse(entry.filename),
        parse(entry.content_type),
        style_of(entry),
        value.whole_param is not None and may_be_file(parameters, value.whole_param),
    )


def _closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Complete the schema of the parameters; undeclared arguments are always refused."""
    declared = {name: as_callers_see(each) for name, each in schema.get("properties", {}).items()}
    return {**schema, "properties": declared, "type": "object", "additionalProperties": False}
