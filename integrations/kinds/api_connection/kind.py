"""The kind `api_connection`: an address, headers and query parameters that several actions share.

How an action inherits from its connection is part of the kind `api_action`.
"""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import Field as Limits

from accounts.errors import FieldError
from integrations.exchange.exchange import Destination, HttpCall
from integrations.exchange.messages import RequestTemplate
from integrations.exchange.returns import STATUS_ALONE
from integrations.kinds.base import NO_PARENTS, Kind, Parents, Slot
from integrations.kinds.config_fields import ConnectorId, Entries, Line, StrictConfig, base_url_problems, template_of
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


class ApiConnectionConfig(StrictConfig):
    """The configuration of a connection. Its texts may hold secrets; arguments belong to the actions."""

    base_url: Annotated[str, Limits(min_length=1, max_length=2048)]
    auth_connector: ConnectorId | None = None
    headers: Entries = Limits(default_factory=list)
    query: Entries = Limits(default_factory=list)
    timeout_seconds: Annotated[float, Limits(strict=True, ge=1, le=120, allow_inf_nan=False)] = 20
    check_path: Line = ""


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
        added = credential(parents.connector)
        headers, query = not_sent_by(added, config.headers, config.query)
        template = RequestTemplate(
            method="GET",
            base_url=config.base_url,
            path=parse(config.check_path),
            query=(*pairs(query), *added.query),
            headers=(*pairs(headers), *added.headers),
            timeout_seconds=config.timeout_seconds,
            basic=added.basic,
        )
        return HttpCall(template, added.token, returns=STATUS_ALONE)

    def problems_with_parents(self, config: ApiConnectionConfig, parents: Parents) -> list[FieldError]:
        """Return an error for each entry that the connector also sends (docs/concepts.md, "Inheritance")."""
        return list(collisions(config.headers, config.query, credential(parents.connector)))


def _check_path_problems(text: str) -> Iterator[FieldError]:
    template = template_of(text)
    if template and template.param_names:
        yield FieldError("config.check_path", "A check runs without arguments; write the path out.")
