"""The configuration of an API connection (docs/api.md, "Configurations")."""

from typing import Annotated, Literal

from pydantic import Field

from integrations.kinds.config_fields import MAX_ENTRIES, ConnectorId, Entries, Line, StrictConfig


class ApiConnectionConfig(StrictConfig):
    """The configuration of a connection. Its texts may hold secrets; arguments belong to the actions.

    Attributes:
        pass_through: whether callers may send requests of their own through the connection, and which.
        pass_through_paths: lines such as `POST /v1/files/{id}`, for `listed`.
        first_byte_seconds, idle_seconds, total_seconds: the limits of time of what is passed through.
    """

    base_url: Annotated[str, Field(min_length=1, max_length=2048)]
    auth_connector: ConnectorId | None = None
    headers: Entries = Field(default_factory=list)
    query: Entries = Field(default_factory=list)
    timeout_seconds: Annotated[float, Field(strict=True, ge=1, le=120, allow_inf_nan=False)] = 20
    check_path: Line = ""
    pass_through: Literal["off", "listed", "everything"] = Field(default="off", exclude_if=lambda text: text == "off")
    pass_through_paths: Annotated[list[Line], Field(max_length=MAX_ENTRIES)] = Field(
        default_factory=list, exclude_if=lambda lines: not lines
    )
    first_byte_seconds: Annotated[float, Field(strict=True, ge=1, le=300, allow_inf_nan=False)] = Field(
        default=60,
        exclude_if=lambda seconds: seconds == 60,  # noqa: PLR2004 - the default
    )
    idle_seconds: Annotated[float, Field(strict=True, ge=1, le=600, allow_inf_nan=False)] = Field(
        default=60,
        exclude_if=lambda seconds: seconds == 60,  # noqa: PLR2004 - the default
    )
    total_seconds: Annotated[float, Field(strict=True, ge=1, le=3600, allow_inf_nan=False)] = Field(
        default=600,
        exclude_if=lambda seconds: seconds == 600,  # noqa: PLR2004 - the default
    )

    @property
    def passes_through(self) -> bool:
        """Whether callers may send requests of their own."""
        return self.pass_through in {"listed", "everything"}

    @property
    def is_listed(self) -> bool:
        """Whether they may send only what is listed."""
        return self.pass_through == "listed"  # noqa: S105 - a choice
