"""What the API of every app shares: strict input, limits of lists, problem documents."""

from typing import Annotated

from ninja import Query, Schema
from pydantic import BaseModel, ConfigDict

from accounts.common.paging import LARGEST_LIMIT

Limit = Annotated[int, Query(ge=1, le=LARGEST_LIMIT)]


class StrictSchema(BaseModel):
    """Input that refuses unknown fields and never quotes what it refuses."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class FieldErrorOut(Schema):
    """One invalid field."""

    field: str
    message: str


class ProblemOut(Schema):
    """An RFC 9457 problem document. `code` is stable; some codes carry further members."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[FieldErrorOut] = []


PROBLEMS = {400: ProblemOut, 401: ProblemOut, 403: ProblemOut, 422: ProblemOut}
PROBLEMS_OF_ONE = {**PROBLEMS, 404: ProblemOut}
