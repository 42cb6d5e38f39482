"""An address and what every call to it carries, shared by many actions.

Owns: what the configuration of a connection may say, and its harmless check. How an action inherits from it is the
action's business.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import Field as Limits

from accounts.errors import FieldError
from integrations.exchange.exchange import Destination, HttpCall
from integrations.exchange.messages import RequestTemplate
from integrations.kinds.base import NO_PARENTS, Kind, Parents, Slot
from integrations.kinds.config_fields import Entries, Line, StrictConfig, base_url_problems, read_shape, template_of
from integrations.kinds.form_sections import Field, Section, Widget
from integrations.kinds.http_parts import (
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


class ApiConnectionConfig(StrictConfig):
    """Texts of headers, query and check path may hold secrets; arguments belong to the actions."""

    base_url: Annotated[str, Limits(min_length=1, max_length=2048)]
    auth_connector: UUID | None = None
    headers: Entries = Limits(default_factory=list)
    query: Entries = Limits(default_factory=list)
    timeout_seconds: Annotated[float, Limits(strict=True, ge=1, le=120, allow_inf_nan=False)] = 20
    check_path: Line = ""


class ApiConnection(Kind[ApiConnectionConfig]):
    """The kind `api_connection`."""

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
                    hint="From 1 to 120. Each action has its own.",
                    default=20,
                ),
                Field(
                    "check_path",
                    "Check path",
                    Widget.TEMPLATE,
                    hint="A path that is harmless to read. Coffer sends GET to it to try a credential.",
                    placeholder="/v1/me",
                ),
            ),
        ),
        Section("Headers", (Field("headers", "Headers", Widget.PAIRS, default=()),)),
        Section("Query parameters", (Field("query", "Query parameters", Widget.PAIRS, default=()),)),
    )

    def read(self, raw: Mapping[str, Any]) -> ApiConnectionConfig:
        """Known fields, right types. Raises Invalid."""
        return read_shape(ApiConnectionConfig, raw)

    def problems(self, config: ApiConnectionConfig) -> list[FieldError]:
        """What is wrong with each part."""
        return [
            *base_url_problems(config.base_url),
            *header_problems(config.headers),
            *query_problems(config.query),
            *(path_problems("config.check_path", config.check_path) if config.check_path else ()),
            *_arguments(config),
        ]

    def summary(self, config: ApiConnectionConfig) -> str:
        """`api.example.com/v1`."""
        return config.base_url.partition("://")[2].rstrip("/")

    def slots(self, config: ApiConnectionConfig) -> list[Slot]:
        """`headers.NAME`, `query.NAME` and `check.path`."""
        check = [Slot("check.path", parse(config.check_path), "config.check_path")] if config.check_path else []
        return [*entry_slots("headers", config.headers), *entry_slots("query", config.query), *check]

    def destinations(self, config: ApiConnectionConfig) -> list[Destination]:
        """The base URL."""
        return [Destination("config.base_url", config.base_url)]

    def connector_id(self, config: ApiConnectionConfig) -> UUID | None:
        """The one that it names, if any."""
        return config.auth_connector

    def check(self, config: ApiConnectionConfig, parents: Parents = NO_PARENTS) -> HttpCall | None:
        """GET of the check path, with everything that each action sends."""
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
        return HttpCall(template, added.token)

    def problems_with_parents(self, config: ApiConnectionConfig, parents: Parents) -> list[FieldError]:
        """Entries that the connector's credential would collide with (docs/concepts.md, "Inheritance")."""
        return list(collisions(config.headers, config.query, credential(parents.connector)))


def _arguments(config: ApiConnectionConfig) -> Iterator[FieldError]:
    for place, entries in (("headers", config.headers), ("query", config.query)):
        for index, entry in enumerate(entries):
            template = template_of(entry.value)
            if template and template.param_names:
                sentence = "A connection holds no arguments; put this into the actions that have them."
                yield FieldError(f"config.{place}[{index}].value", sentence)
    template = template_of(config.check_path)
    if template and template.param_names:
        yield FieldError("config.check_path", "A check runs without arguments; write the path out.")
