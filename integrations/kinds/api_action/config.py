"""The configuration of an API action (docs/api.md, "Configurations")."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from integrations.exchange.messages import LARGEST_RESPONSE, RESPONSE_BYTES
from integrations.kinds.config_fields import (
    LARGEST_ARGUMENTS,
    MAX_ENTRIES,
    MOST_ARGUMENT_BYTES,
    ConnectionId,
    ConnectorId,
    Entries,
    Entry,
    Line,
    ListEntries,
    LongText,
    StrictConfig,
)


class PartConfig(Entry):
    """A field of a form, or a part of a multipart body.

    Attributes:
        filename: for a part; a file has its own name unless this is set.
        content_type: for a part; a file has its own media type unless this is set.
    """

    filename: Line = Field(default="", exclude_if=lambda text: not text)
    content_type: Line = Field(default="", exclude_if=lambda text: not text)


def _content_tag(content: object) -> str:
    return "<entries>" if isinstance(content, list) else "<text>"


Parts = Annotated[list[PartConfig], Field(max_length=MAX_ENTRIES)]
Content = Annotated[
    Annotated[LongText, Tag("<text>")] | Annotated[Parts, Tag("<entries>")], Discriminator(_content_tag)
]


class BodyConfig(StrictConfig):
    """The body of the request.

    Attributes:
        content: a text for `json` and `text`, a list for `form` and `multipart`, the file argument for `binary`, absent
            for `none`.
        content_type: for `binary`, its media type unless it is that of the file.
    """

    type: Literal["none", "json", "form", "text", "multipart", "binary"] = "none"
    content: Content | None = None
    content_type: Line = Field(default="", exclude_if=lambda text: not text)


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

    connection: ConnectionId | None = None
    base_url: Annotated[str, Field(max_length=2048)] = ""
    auth_connector: ConnectorId | None = None
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]
    path: Line = ""
    headers: Entries = Field(default_factory=list)
    query: ListEntries = Field(default_factory=list)
    body: BodyConfig = Field(default_factory=BodyConfig)
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})
    timeout_seconds: Annotated[float, Field(strict=True, ge=1, le=120, allow_inf_nan=False)] = 20
    max_argument_bytes: Annotated[int, Field(strict=True, ge=1, le=LARGEST_ARGUMENTS)] = MOST_ARGUMENT_BYTES
    max_response_bytes: Annotated[int, Field(strict=True, ge=1024, le=LARGEST_RESPONSE)] = RESPONSE_BYTES
    follow_redirects: Annotated[bool, Field(strict=True)] = False
    check: CheckConfig | None = None
    returns: ReturnsConfig = Field(default_factory=ReturnsConfig)
