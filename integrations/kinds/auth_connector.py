"""A credential that several actions share: a bearer token, or an API key in a header or in the query.

Owns: what the configuration of a connector may say, and the header or query parameter that it adds to a call.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from accounts.errors import FieldError, Invalid
from integrations.headers import problem_with_header_name, problem_with_header_text
from integrations.kinds.base import Kind, Slot
from integrations.kinds.fields import (
    Line,
    Name,
    Strict,
    problem_with_fixed_name,
    problem_with_template,
    read_shape,
    template_of,
)
from integrations.placeholders import Template, parse
from integrations.requests import Pair

CredentialText = Annotated[Line, Field(min_length=1)]


class BearerConfig(Strict):
    """A token sent as `Authorization: Bearer …` (RFC 6750)."""

    type: Literal["bearer"]
    token: CredentialText


class ApiKeyConfig(Strict):
    """A key sent as a header or query parameter of its own."""

    type: Literal["api_key"]
    location: Literal["header", "query"] = Field(alias="in")
    name: Name
    value: CredentialText


AuthConnectorConfig = BearerConfig | ApiKeyConfig

_SHAPES: dict[str, type[BearerConfig] | type[ApiKeyConfig]] = {"bearer": BearerConfig, "api_key": ApiKeyConfig}


@dataclass(frozen=True, slots=True)
class Credential:
    """What a connector adds to a call: one header or one query parameter."""

    headers: tuple[Pair, ...] = ()
    query: tuple[Pair, ...] = ()


class AuthConnector(Kind[AuthConnectorConfig]):
    """The kind `auth_connector`."""

    key: ClassVar[str] = "auth_connector"
    label: ClassVar[str] = "Auth connector"
    plural: ClassVar[str] = "Auth connectors"
    icon: ClassVar[str] = "key-round"
    is_connector: ClassVar[bool] = True

    def read(self, raw: Mapping[str, Any]) -> AuthConnectorConfig:
        """The shape that `type` names. Raises Invalid."""
        chosen = raw.get("type") if isinstance(raw, Mapping) else None
        shape = _SHAPES.get(chosen) if isinstance(chosen, str) else None
        if shape is None:
            known = " or ".join(_SHAPES)
            raise Invalid("The configuration cannot be used.", errors=[FieldError("config.type", f"Choose {known}.")])
        return read_shape(shape, raw)

    def problems(self, config: AuthConnectorConfig) -> list[FieldError]:
        """Malformed placeholders, and what neither header nor query can carry."""
        if isinstance(config, BearerConfig):
            return list(_value_problems("config.token", config.token, is_header=True))
        is_header = config.location == "header"
        return [*_name_problems(config.name, is_header), *_value_problems("config.value", config.value, is_header)]

    def summary(self, config: AuthConnectorConfig) -> str:
        """`Bearer token`, or `API key in X-Api-Key`."""
        return "Bearer token" if isinstance(config, BearerConfig) else f"API key in {config.name}"

    def slots(self, config: AuthConnectorConfig) -> list[Slot]:
        """`auth.token` or `auth.value`."""
        if isinstance(config, BearerConfig):
            return [Slot("auth.token", parse(config.token), "config.token")]
        return [Slot("auth.value", parse(config.value), "config.value")]


def credential_of(config: AuthConnectorConfig) -> Credential:
    """The header or query parameter, with its placeholders unresolved."""
    if isinstance(config, BearerConfig):
        return Credential(headers=(Pair("Authorization", _bearer(parse(config.token))),))
    pair = Pair(config.name, parse(config.value))
    return Credential(headers=(pair,)) if config.location == "header" else Credential(query=(pair,))


def _bearer(token: Template) -> Template:
    return parse("Bearer " + token.source)


def _name_problems(name: str, is_header: bool) -> Iterator[FieldError]:
    if not is_header:
        yield from problem_with_fixed_name("config.name", name)
    elif problem := problem_with_header_name(name):
        yield FieldError("config.name", problem)


def _value_problems(field: str, text: str, is_header: bool) -> Iterator[FieldError]:
    template = template_of(text)
    if template is None:
        yield from problem_with_template(field, text)
    elif template.param_names:
        yield FieldError(field, "A credential cannot hold an argument; use {secrets.NAME}.")
    elif is_header and (problem := problem_with_header_text(template)):
        yield FieldError(field, problem)
