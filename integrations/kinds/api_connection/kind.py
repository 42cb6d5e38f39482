"""The kind `api_connection`: an address, headers and query parameters that several actions share.

How an action inherits from its connection is part of the kind `api_action`.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar
from uuid import UUID

from typing_extensions import override

from accounts.errors import FieldError
from integrations.exchange.exchange import Destination, HttpCall
from integrations.exchange.messages import RequestTemplate
from integrations.exchange.passed_paths import ListedPath, problems_with_list
from integrations.exchange.passing import PARAMETERS, PASS_THROUGH, PassThrough
from integrations.exchange.returns import STATUS_ALONE
from integrations.exchange.streams import Deadlines
from integrations.kinds.api_connection.config import ApiConnectionConfig
from integrations.kinds.api_connection.pass_through_form import PASS_THROUGH_SECTION
from integrations.kinds.base import NO_PARENTS, Kind, Operation, Parents, Slot
from integrations.kinds.config_fields import base_url_problems, template_of
from integrations.kinds.form_sections import Field, Section, Widget
from integrations.kinds.http_parts import (
    argument_problems,
    collisions,
    credential,
    entry_slots,
    header_problems,
    not_sent_by,
    pairs,
    path_problems,
    query_problems,
)
from integrations.templating.placeholders import parse

_NO_ARGUMENTS = "A connection cannot hold arguments; move this to the actions that have them."


class ApiConnection(Kind[ApiConnectionConfig]):
    """The kind `api_connection`."""

    shape: ClassVar[type[Any]] = ApiConnectionConfig
    key: ClassVar[str] = "api_connection"
    label: ClassVar[str] = "API connection"
    plural: ClassVar[str] = "API connections"
    icon: ClassVar[str] = "link"
    about: ClassVar[str] = "API connection. Its actions share the address, the headers and the credential."
    is_connection: ClassVar[bool] = True
    sections: ClassVar[tuple[Section, ...]] = (
        Section(
            "Address",
            (
                Field(
                    "base_url",
                    "Base URL",
                    hint="It cannot hold a secret. Each action adds its own path.",
                    placeholder="https://api.example.com",
                ),
                Field("auth_connector", "Auth connector", Widget.CONNECTOR),
                Field(
                    "timeout_seconds",
                    "Time limit of the check in seconds",
                    Widget.NUMBER,
                    hint="From 1 to 120. Each action has its own limit.",
                    default=20,
                ),
                Field(
                    "check_path",
                    "Check path",
                    Widget.TEMPLATE,
                    hint="A path that is safe to read. Coffer sends a GET request to it to test a credential.",
                    placeholder="/v1/me",
                ),
            ),
        ),
        Section("Headers", (Field("headers", "Headers", Widget.PAIRS, default=()),)),
        Section("Query parameters", (Field("query", "Query parameters", Widget.PAIRS, default=()),)),
        PASS_THROUGH_SECTION,
    )

    def problems(self, config: ApiConnectionConfig) -> list[FieldError]:
        """Return what is wrong with each part."""
        return [
            *base_url_problems(config.base_url),
            *header_problems(config.headers),
            *query_problems(config.query),
            *(path_problems("config.check_path", config.check_path) if config.check_path else ()),
            *argument_problems(config.headers, config.query, _NO_ARGUMENTS),
            *_check_path_problems(config.check_path),
            *_pass_through_problems(config),
        ]

    def summary(self, config: ApiConnectionConfig) -> str:
        """Return the address without scheme: `api.example.com/v1`."""
        return config.base_url.partition("://")[2].rstrip("/")

    def slots(self, config: ApiConnectionConfig) -> list[Slot]:
        """Return the slots `headers.NAME`, `query.NAME` and `check.path`."""
        check = [Slot("check.path", parse(config.check_path), "config.check_path")] if config.check_path else []
        return [*entry_slots("headers", config.headers), *entry_slots("query", config.query), *check]

    def destinations(self, config: ApiConnectionConfig) -> list[Destination]:
        """Return the base URL."""
        return [Destination("config.base_url", config.base_url)]

    def connector_id(self, config: ApiConnectionConfig) -> UUID | None:
        """Return the id of the auth connector, if there is one."""
        return config.auth_connector

    def check(self, config: ApiConnectionConfig, parents: Parents = NO_PARENTS) -> HttpCall | None:
        """Return a GET request of the check path with the shared headers, query parameters and credential."""
        if not config.check_path:
            return None
        return replace(_call(config, parents, config.check_path), returns=STATUS_ALONE)

    @override
    def operations(self, config: ApiConnectionConfig) -> list[Operation]:
        """Return the operation `pass_through` where requests are passed through."""
        return self.all_operations() if config.passes_through else []

    @override
    def all_operations(self) -> list[Operation]:
        """Return the operation `pass_through`."""
        return [Operation(PASS_THROUGH, "Pass a request through", PARAMETERS, read_only=False, destructive=True)]

    @override
    def plan(self, config: ApiConnectionConfig, operation: str, parents: Parents = NO_PARENTS) -> PassThrough:
        """Return what is passed through, with the shared headers, query parameters and credential."""
        return PassThrough(
            _call(config, parents, ""),
            tuple(map(ListedPath.parse, config.pass_through_paths)) if config.is_listed else None,
            Deadlines(config.first_byte_seconds, config.idle_seconds, config.total_seconds),
        )

    def problems_with_parents(self, config: ApiConnectionConfig, parents: Parents) -> list[FieldError]:
        """Return an error for each entry that the connector also sends (docs/concepts.md, "Inheritance")."""
        return list(collisions(config.headers, config.query, credential(parents.connector)))


def _check_path_problems(text: str) -> Iterator[FieldError]:
    template = template_of(text)
    if template and template.param_names:
        yield FieldError("config.check_path", "A check runs without arguments; write the path out.")


def _call(config: ApiConnectionConfig, parents: Parents, path: str) -> HttpCall:
    """Return a GET request with the shared headers, query parameters and credential."""
    added = credential(parents.connector)
    headers, query = not_sent_by(added, config.headers, config.query)
    template = RequestTemplate(
        method="GET",
        base_url=config.base_url,
        path=parse(path),
        query=(*pairs(query), *added.query),
        headers=(*pairs(headers), *added.headers),
        timeout_seconds=config.timeout_seconds,
        basic=added.basic,
    )
    return HttpCall(template, added.token)


def _pass_through_problems(config: ApiConnectionConfig) -> Iterator[FieldError]:
    field = "config.pass_through_paths"
    for index, problem in problems_with_list(config.pass_through_paths):
        yield FieldError(f"{field}[{index}]", problem)
    if config.is_listed and not config.pass_through_paths:
        yield FieldError(field, "List at least one method and path, such as POST /v1/chat/completions.")
