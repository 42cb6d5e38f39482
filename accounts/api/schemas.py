"""What the API of every app shares: strict input, limits of lists, problem documents."""

import re
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self

from django.db import transaction
from ninja import Query, Schema
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from accounts.common.paging import LARGEST_LIMIT
from accounts.common.proposals import fields_at, no_such
from accounts.common.texts import path_in_words
from accounts.common.when import in_utc
from accounts.errors import FieldError, Invalid

NOT_VALID = "The input is not valid."
ERRORS_AT_MOST = 100
"""The number of errors in one response. A body of a megabyte can contain a hundred thousand."""

_written_out = re.compile(r"\d{4}-\d\d-\d\d").match


def _not_a_number(moment: object) -> object:
    """Refuse a number of seconds, which pydantic reads as a time too."""
    if not isinstance(moment, str) or not _written_out(moment):
        raise ValueError("Send a day or a time, such as 2026-11-23T09:20:00Z.")
    return moment


Moment = Annotated[datetime, BeforeValidator(_not_a_number), AfterValidator(in_utc)]
"""A time in the query; without an offset in UTC."""
Limit = Annotated[int, Query(ge=1, le=LARGEST_LIMIT)]


class StrictSchema(BaseModel):
    """Input that refuses unknown fields and never quotes what it refuses."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Payload(StrictSchema):
    """Input whose rules are checked even if some of its fields have the wrong type, so that one answer names all.

    A view calls its service inside `faults_told`.

    Attributes:
        stand_ins: values of required fields with which the others can be checked.
    """

    stand_ins: ClassVar[Mapping[str, Any]] = {}
    _faults: list[FieldError] = PrivateAttr(default_factory=list)

    @model_validator(mode="wrap")
    @classmethod
    def _with_faults(cls, data: Any, handler: Callable[[Any], Self]) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
            wrong = {fault["loc"][0] if fault["loc"] else None for fault in found}
            if None in wrong or not isinstance(data, dict) or cls._needed() & wrong:
                raise
            payload = handler(cls._without(wrong, data))
            listed: set[tuple[object, ...]] = set()
            faults = [cls._fault(dict(fault), listed) for fault in found[:ERRORS_AT_MOST]]
            return payload._noting(faults)  # noqa: SLF001 - of this class

    @classmethod
    def _without(cls, wrong: Container[object], data: dict[str, Any]) -> dict[str, Any]:
        rest = {name: value for name, value in data.items() if name not in wrong}
        return rest | {name: value for name, value in cls.stand_ins.items() if name in wrong}

    @classmethod
    def _needed(cls) -> set[object]:
        """Return the required fields that nothing can stand in for."""
        needed: set[object] = {name for name, field in cls.model_fields.items() if field.is_required()}
        return needed - cls.stand_ins.keys()

    @property
    def is_sound(self) -> bool:
        """Whether every field has its type."""
        return not self._faults

    def _noting(self, faults: list[FieldError]) -> Self:
        self._faults = faults
        return self

    @classmethod
    def _fault(cls, fault: dict[str, Any], listed: set[tuple[object, ...]]) -> FieldError:
        """Return a fault as an error. The known fields of a place are listed once."""
        *path, name = fault["loc"]
        if fault["type"] == "extra_forbidden":
            fault["msg"] = no_such("field", str(name), fields_at(cls, path), lists=tuple(path) not in listed)
            listed.add(tuple(path))
        return FieldError(field_of(fault["loc"]), sentence_of(fault))

    @contextmanager
    def faults_told(self) -> Iterator[None]:
        """Run the block; if fields had the wrong type, undo what it wrote and tell of them and of broken rules.

        Raises:
            Invalid: with the faults, and with what the block was refused for.
        """
        if not self._faults:
            yield
            return
        try:
            with transaction.atomic():
                yield
                transaction.set_rollback(True)
            broken: list[FieldError] = []
        except Invalid as refusal:
            told = {_top(fault) for fault in self._faults}
            broken = [error for error in refusal.errors if _top(error) not in told]
        raise Invalid(NOT_VALID, errors=[*self._faults, *broken][:ERRORS_AT_MOST])


def _top(error: FieldError) -> str:
    return error.field.partition(".")[0].partition("[")[0]


def field_of(location: tuple[Any, ...]) -> str:
    """Return the path of a field: `("config", "headers", 0, "name")` becomes `config.headers[0].name`."""
    return path_in_words(location) or "body"


def sentence_of(fault: Mapping[str, Any]) -> str:
    """Return what is wrong with a field as a sentence."""
    return str(fault["msg"]).removeprefix("Value error, ").rstrip(".") + "."


class FieldErrorOut(Schema):
    """One invalid field; of a document that was sent, with its line."""

    field: str
    message: str
    line: int | None = None


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
