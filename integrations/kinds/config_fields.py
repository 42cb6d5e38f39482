"""Reading configurations: field types that kinds share, and error messages for invalid fields.

Messages never quote the input, because people paste values into the wrong field.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from accounts.common.proposals import fields_at, no_such
from accounts.errors import FieldError, Invalid
from integrations.templating.placeholders import MalformedPlaceholder, Template, parse
from integrations.templating.slots import decodings

MAX_ENTRIES = 64
MOST_ARGUMENT_BYTES = 65_536
"""How large the arguments of a run are together, unless the configuration says otherwise."""
LARGEST_ARGUMENTS = 16 * 1024 * 1024
"""The most that a configuration may allow: a file of about 12 MiB in base64."""

Shape = TypeVar("Shape", bound=BaseModel)


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError
    return text


Line = Annotated[str, Field(max_length=8192), AfterValidator(_without_nul)]
Name = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_without_nul)]
LongText = Annotated[str, Field(max_length=262_144), AfterValidator(_without_nul)]

REFERS_TO = "x-refers-to"
"""The keyword of a field that holds the id of another integration: `connection` or `auth_connector`, its role."""
ConnectionId = Annotated[UUID, Field(json_schema_extra={REFERS_TO: "connection"})]
ConnectorId = Annotated[UUID, Field(json_schema_extra={REFERS_TO: "auth_connector"})]


class StrictConfig(BaseModel):
    """Base class of configurations and their parts: immutable, unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=False)


class NameAndValue(StrictConfig):
    """An entry in a list of headers, query parameters or form fields."""

    name: Name
    value: Line


class Entry(NameAndValue):
    """A query parameter or form field, and how it is sent if its value is a list."""

    style: Literal["repeated", "comma", "brackets"] = Field(
        default="repeated", exclude_if=lambda style: style == "repeated"
    )


Entries = Annotated[list[NameAndValue], Field(max_length=MAX_ENTRIES)]
ListEntries = Annotated[list[Entry], Field(max_length=MAX_ENTRIES)]

NOT_IN_URL = (
    "A base URL cannot hold a placeholder, so that nobody can send a value to another host. "
    "Put it into the path, a query parameter, a header or the body."
)
_UUID = "Choose an auth connector by its id."
_SENTENCES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "missing": lambda _: "This field is required.",
    "string_type": lambda _: "Enter text.",
    "string_unicode": lambda _: "Enter valid Unicode text.",
    "string_too_long": lambda limits: f"This text is too long: {limits['max_length']} characters are the limit.",
    "string_too_short": lambda _: "This field cannot be empty.",
    "too_short": lambda _: "This field cannot be empty.",
    "int_type": lambda _: "Enter a whole number.",
    "bool_type": lambda _: "Enter true or false.",
    "float_type": lambda _: "Enter a number.",
    "finite_number": lambda _: "Enter a number.",
    "value_error": lambda _: "Leave out the NUL character.",
    "enum": lambda limits: f"Choose {limits['expected']}.",
    "literal_error": lambda limits: f"Choose {limits['expected']}.",
    "list_type": lambda _: "Enter a list.",
    "too_long": lambda limits: f"At most {limits['max_length']} entries are possible.",
    "dict_type": lambda _: "Enter an object.",
    "model_type": lambda _: "Enter an object.",
    "greater_than_equal": lambda limits: f"Use {_plain(limits['ge'])} or more.",
    "less_than_equal": lambda limits: f"Use {_plain(limits['le'])} or less.",
    "uuid_parsing": lambda _: _UUID,
    "uuid_type": lambda _: _UUID,
}


def _plain(limit: float) -> str:
    return str(int(limit) if limit == int(limit) else limit)


def read_shape(shape: type[Shape], raw: Mapping[str, Any]) -> Shape:
    """Validate `raw` against a pydantic model.

    Raises:
        Invalid: with a field error for each finding.
    """
    try:
        return shape.model_validate(raw)
    except ValidationError as error:
        errors = [
            FieldError(field_path(finding["loc"]), sentence_for(shape, finding))
            for finding in error.errors(include_url=False, include_input=False)
        ]
        raise Invalid("The configuration cannot be used.", errors=errors) from None


def field_path(location: Sequence[str | int]) -> str:
    """Return the path of a field: `("headers", 0, "value")` becomes `config.headers[0].value`.

    Tags of unions, which pydantic writes as `<tag>`, are left out.
    """
    steps = (step for step in location if not (isinstance(step, str) and step.startswith("<")))
    return "config" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)


def problem_with_template(field: str, text: str) -> Iterator[FieldError]:
    """Yield an error if the text holds a malformed placeholder."""
    try:
        parse(text)
    except MalformedPlaceholder as error:
        yield FieldError(field, str(error))


def problem_with_fixed_name(field: str, name: str) -> Iterator[FieldError]:
    """Yield an error if the name of a query parameter or form field holds a placeholder."""
    if holds_placeholder(name):
        yield FieldError(field, "A name cannot hold a placeholder; placeholders go into the value.")


def holds_placeholder(text: str) -> bool:
    """Return whether a text holds a placeholder or a text that looks like a placeholder."""
    template = template_of(text)
    return template is None or bool(template.secret_names or template.param_names)


def base_url_problems(url: str, field: str = "config.base_url", sentence: str = NOT_IN_URL) -> Iterator[FieldError]:
    """Yield an error if a URL that is fixed holds a placeholder, percent-encoded or not.

    Whether the URL may be called is judged when the integration is saved (`egress.policy.admit_url`).
    """
    if any(map(holds_placeholder, decodings(url))):
        yield FieldError(field, sentence)


def template_of(text: str) -> Template | None:
    """Parse a text; return None if it holds a malformed placeholder, which `problem_with_template` reports."""
    try:
        return parse(text)
    except MalformedPlaceholder:
        return None


def sentence_for(shape: type[BaseModel], finding: Mapping[str, Any]) -> str:
    """Return what is wrong with a field of a model, as a sentence.

    Args:
        finding: an error as pydantic describes it.
    """
    kind, location = finding["type"], finding["loc"]
    if kind == "extra_forbidden":
        return no_such("field", str(location[-1]), fields_at(shape, location[:-1]))
    if kind in {"uuid_parsing", "uuid_type"} and location[-1] == "connection":
        return "Choose a connection by its id."
    sentence = _SENTENCES.get(kind)
    return sentence(finding.get("ctx", {})) if sentence else "This cannot be used here."
