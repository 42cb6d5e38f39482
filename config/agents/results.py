"""The result of a call as an agent gets it: content to read, and the same as `structuredContent` for programs."""

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from mcp_types import AudioContent, CallToolResult, ContentBlock, ImageContent, TextContent
from pydantic import TypeAdapter, ValidationError

from accounts.common.fields import read_json
from accounts.errors import Refusal
from config.agents.guidance import Guidance
from integrations.broker.broker import RunResult
from integrations.broker.masking import BodyType
from integrations.models import RunOutcome
from integrations.templating.formats import VALIDATOR
from integrations.templating.json_body import write_json
from integrations.tools.agent_tools import ToolOffer
from integrations.tools.answers import NO_FIELDS, Fitted, fit_json, fit_text

_SHOWN = ("run_id", "outcome", "status", "body", "body_type", "media_type", "masked", "withheld")

UPSTREAM_ERROR = (
    "upstream_error: The upstream refused the call. Correct the arguments if they are at fault; otherwise ask a person "
    "to look at the integration."
)


def _any_of(*kinds: str) -> dict[str, Any]:
    """Return a schema for several types. Some clients read no list of types."""
    return {"anyOf": [{"type": kind} for kind in kinds]}


ENVELOPE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "run_id": {"type": "string", "description": "The id of the run, for people who look it up."},
        "outcome": {"enum": [RunOutcome.SUCCEEDED.value, RunOutcome.UPSTREAM_ERROR.value]},
        "status": {**_any_of("integer", "null"), "description": "The HTTP status of the upstream."},
        "body": {
            **_any_of("object", "array", "string", "number", "boolean", "null"),
            "description": "What the upstream answered, with the values of secrets masked.",
        },
        "body_type": {"enum": [kind.value for kind in BodyType]},
        "media_type": _any_of("string", "null"),
        "cut": {"type": "string", "description": "What was left out of the body, and how to get it."},
        "masked": {"type": "array", "items": {"type": "string"}, "description": "Names of secrets that were masked."},
        "withheld": {**_any_of("object", "null"), "description": "Why there is no body."},
        "code": {"type": "string", "description": "Why the call was refused; absent if it was made."},
    },
}
"""The output schema of Coffer's own operations. It holds for refusals too, which clients check as well."""

_BLOCK: TypeAdapter[ContentBlock] = TypeAdapter(ContentBlock)


def enveloped(result: RunResult, tool: ToolOffer) -> CallToolResult:
    """Return the result of an operation of Coffer: the envelope as text with numbers as written, and structured."""
    answer = result.as_json()
    shown = {name: answer[name] for name in _SHOWN}
    media = _media(answer)
    if media:
        shown["body"] = None
    cut = _fitted(shown, tool)
    is_whole = shown["body"] is answer["body"] or bool(media)
    written = result.text_of(shown, is_ascii=False) if is_whole else write_json(shown, is_ascii=False)
    content: list[ContentBlock] = [_text(written), *media, *([_text(cut)] if cut else [])]
    failed = result.outcome is not RunOutcome.SUCCEEDED
    if failed:
        content.append(_text(UPSTREAM_ERROR))
        shown["code"] = RunOutcome.UPSTREAM_ERROR.value
    if not _is_finite(shown["body"]):
        shown["body"] = None  # the text has it: no number of most programs is as large
    return CallToolResult(content=content, structured_content=shown, is_error=failed)


def passed_through(result: RunResult, tool: ToolOffer) -> CallToolResult:
    """Return the result of a tool of a remote MCP server as the server gave it, masked, and with long texts cut.

    What is not content of MCP becomes text. An answer without any becomes the envelope, which is an error where the
    tool promises structured content, because clients refuse a success without it.
    """
    body = result.answer.body if isinstance(result.answer.body, dict) else {}
    if tool.limits.fields and result.outcome is RunOutcome.SUCCEEDED:
        return _chosen(body, tool)
    given = body.get("content")
    blocks = [block for item in given for block in _blocks(item, tool)] if isinstance(given, list) else []
    structured = _structured(body.get("structuredContent"), tool)
    if blocks or structured is not None:
        failed = result.outcome is not RunOutcome.SUCCEEDED
        return CallToolResult(content=blocks, structured_content=structured, is_error=failed)
    envelope = enveloped(result, tool)
    return CallToolResult(content=envelope.content, is_error=True) if tool.output_schema else envelope


def _chosen(body: Mapping[str, Any], tool: ToolOffer) -> CallToolResult:
    """Return the chosen fields of what a remote tool answered, and nothing else of it."""
    given = body.get("structuredContent")
    fitted = fit_json(given if isinstance(given, dict) else _json_text(body), tool.limits, tool.parameters)
    content: list[ContentBlock] = [_text(write_json(fitted.body, is_ascii=False))]
    structured = fitted.body if isinstance(fitted.body, dict) and _is_finite(fitted.body) else None
    return CallToolResult(
        content=[*content, *([_text(fitted.cut)] if fitted.cut else [])], structured_content=structured
    )


def _json_text(body: Mapping[str, Any]) -> Any:
    """Return the first text of a remote tool's content that is JSON, parsed; None if there is none."""
    given = body.get("content")
    for item in given if isinstance(given, list) else ():
        if isinstance(item, dict) and isinstance(item.get("text"), str):
            with suppress(ValueError, RecursionError):
                return read_json(item["text"])
    return None


def _structured(given: object, tool: ToolOffer) -> dict[str, Any] | None:
    """Return structured content that fits, or as it is if it would no longer have the shape that a schema promises."""
    if not isinstance(given, dict) or not _is_finite(given):
        return None
    fitted = fit_json(given, tool.limits, tool.parameters).body
    if tool.output_schema is not None and fitted != given and not _has_shape(fitted, tool.output_schema):
        return given
    return fitted if isinstance(fitted, dict) else None


def _has_shape(value: object, schema: Mapping[str, Any]) -> bool:
    """Return whether a value matches a schema that a server wrote, which may itself be wrong."""
    try:
        return bool(VALIDATOR(dict(schema)).is_valid(value))
    except Exception:  # whatever is wrong with a schema shows while it is applied
        return False


def _fitted(shown: dict[str, Any], tool: ToolOffer) -> str:
    """Cut the body to what the tool gives out, and return what was left out as a sentence; empty if nothing was."""
    if shown["body_type"] == BodyType.JSON:
        fitted = fit_json(shown["body"], tool.limits, tool.parameters)
    elif tool.limits.fields:
        fitted = Fitted(None, NO_FIELDS)
    elif shown["body_type"] == BodyType.TEXT:
        fitted = fit_text(shown["body"], tool.limits, tool.parameters)
    else:
        return ""
    shown["body"] = fitted.body
    if fitted.cut:
        shown["cut"] = fitted.cut
    return fitted.cut


def refused(refusal: Refusal, what_to_do: Guidance, *, is_structured: bool = True) -> CallToolResult:
    """Return a refusal: code, sentence, invalid fields and what to do; never a value.

    Args:
        is_structured: whether `structuredContent` has code and members too. It has to match the output schema of the
            tool, and that of a remote tool knows no refusals.
    """
    fields = [f"{error.field}: {error.message}" for error in refusal.errors]
    members = [f"{name}: {value}" for name, value in refusal.members.items() if not isinstance(value, dict)]
    lines = [f"{refusal.code}: {refusal.detail}", *fields, what_to_do.sentence, *members]
    structured: dict[str, Any] = {"code": refusal.code, **refusal.members}
    if fields:
        structured["errors"] = [{"field": error.field, "message": error.message} for error in refusal.errors]
    if what_to_do.page:
        structured["page"] = what_to_do.page
    return CallToolResult(
        content=[_text("\n".join(lines))],
        structured_content=structured if is_structured else None,
        is_error=True,
    )


def _media(answer: Mapping[str, Any]) -> list[ContentBlock]:
    """Return an image or a sound as content of its own, which agents see and hear instead of reading its base64."""
    media_type = answer["media_type"] or ""
    if answer["body_type"] == BodyType.BASE64 and answer["body"]:
        if media_type.startswith("image/"):
            return [ImageContent(type="image", data=answer["body"], mime_type=media_type)]
        if media_type.startswith("audio/"):
            return [AudioContent(type="audio", data=answer["body"], mime_type=media_type)]
    return []


def _blocks(item: object, tool: ToolOffer) -> list[ContentBlock]:
    """Return a block of content, or its JSON as text if it is none; what was cut of a text follows it."""
    try:
        block = _BLOCK.validate_python(item, by_name=False)
    except ValidationError:
        block = _text(item if isinstance(item, str) else write_json(item, is_ascii=False))
    if not isinstance(block, TextContent):
        return [block]
    fitted = fit_text(block.text, tool.limits, tool.parameters)
    return [block.model_copy(update={"text": fitted.body}), *([_text(fitted.cut)] if fitted.cut else [])]


def _text(text: str) -> TextContent:
    return TextContent(type="text", text=text)


def _is_finite(value: object) -> bool:
    """Return whether every number in a JSON value is one that JSON can write."""
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)
