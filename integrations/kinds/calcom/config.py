"""The configuration of a Cal.com integration."""

from typing import Annotated, Literal, get_args

from pydantic import Field

from integrations.kinds.config_fields import Line, StrictConfig

CLOUD = "https://api.cal.com"
OptionalOperation = Literal["list_slots", "create_booking", "reschedule_booking", "cancel_booking"]
OPTIONAL_OPERATIONS: tuple[OptionalOperation, ...] = get_args(OptionalOperation)
"""The operations that can be left out; `me` and `list_event_types` only read."""


class CalcomConfig(StrictConfig):
    """The configuration. Only `api_key` may hold placeholders."""

    base_url: Annotated[str, Field(min_length=1, max_length=2048)] = CLOUD
    api_key: Annotated[Line, Field(min_length=1)]
    event_type_id: Annotated[int, Field(strict=True, ge=1, le=2**53)] | None = None
    time_zone: Line = ""
    operations: Annotated[list[OptionalOperation], Field(max_length=len(OPTIONAL_OPERATIONS))] = Field(
        default_factory=lambda: list(OPTIONAL_OPERATIONS)
    )
