"""The configuration of an API action (docs/api.md, "Configurations")."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Discriminator, Field, Tag

from integrations.kinds.config_fields import MOST_ARGUMENT_BYTES, Entries, Line, LongText, StrictConfig


def _content_tag(content: object) -> str:
    return "<entries>" if isinstance(content, list) else "<text>"


Content = Annotated[
    Annotated[LongText, Tag("<text>")] | Annotated[Entries, Tag("<entries>")], Discriminator(_content_tag)
]


class BodyConfig(StrictConfig):
    """The body of the request.

    Attributes:
        content: a text for `json` and `text`, a list for `form`, absent for `none`.
    """

    type: Literal["none", "json", "form", "text"] = "none"
    content: Content | None = None


class CheckConfig(StrictConfig):
    """The harmless request that shows whether the credentials work. Its path holds no arguments."""

    method: Literal["GET", "HEAD"] = "GET"
    path: Line = ""


class ReturnsConfig(StrictConfig):
    """What of the answer is passed on: everything, chosen fields, or the status alone.

    Attributes:
        expression: for `fields`, a JMESPath expression that makes the body; otherwise empty.
    """

    type: Literal["everything", "fields", "status"] = "everything"
    expression: Annotated[str, Field(max_length=1000)] = ""


class ApiActionConfig(StrictConfig):
    """An HTTP request. Only texts of path, header, query and body values may hold placeholders."""

    connection: UUID | None = None
    base_url: Annotated[str, Field(max_length=2048)] = ""
    auth_connector: UUID | None = None
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]
    path: Line = ""
    headers: Entries = Field(default_factory=list)
    query: Entries = Field(default_factory=list)
    body: BodyConfig = Field(default_factory=BodyConfig)
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})
    timeout_seconds: Annotated[float, Field(strict=True, ge=1, le=120, allow_inf_nan=False)] = 20
    max_argument_bytes: Annotated[int, Field(strict=True, ge=1, le=2_000_000)] = MOST_ARGUMENT_BYTES
    follow_redirects: Annotated[bool, Field(strict=True)] = False
    check: CheckConfig | None = None
    returns: ReturnsConfig = Field(default_factory=ReturnsConfig)
