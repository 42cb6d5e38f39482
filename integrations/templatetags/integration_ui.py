"""Tags of the integration forms: texts with placeholders, rows of pairs and parameters, declared fields, masks.

Every row has its index in its ids (`f-header_value-0`), so that an error can name it. A blank row, which the "Add"
buttons copy, is rendered beside the rows without ids.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.errors import FieldError
from integrations.exchange.offered_tools import visible as visible_text
from integrations.kinds.form_sections import Field

register = template.Library()

PARAMETER_TYPES = [
    ("string", "Text"),
    ("integer", "Whole number"),
    ("number", "Number"),
    ("boolean", "Yes or no"),
    ("array", "List"),
    ("object", "Object"),
    ("file", "File"),
]
LIST_STYLES = [("repeated", "a=1&a=2"), ("comma", "a=1,2"), ("brackets", "a[]=1&a[]=2")]
BLANK_PAIR = {"name": "", "value": ""}
BLANK_PARAMETER = {"name": "", "type": "string", "required": True, "description": "", "choices": "", "rules": ""}
MASKED = re.compile(r"(•{8}|\[redacted\])")

Errors = Sequence[FieldError]
Row = Mapping[str, object]


@register.filter
def masked(text: str) -> SafeString:
    """Escape a text of a request or response, and render every mask in the same style."""
    return format_html_join("", "{}", ((_dots() if MASKED.fullmatch(part) else part,) for part in MASKED.split(text)))


@register.filter
def chosen_marked(text: str, chosen: Sequence[str]) -> SafeString:
    """Escape a text of a request, and mark its masks and what an agent chose of it.

    A text is marked wherever it stands by itself, so what is fixed and happens to be equal is marked too.
    """
    if not chosen:
        return masked(text)
    words = re.compile(rf"(\u2022{{8}}|\[redacted\])|(?<!\w)({'|'.join(map(re.escape, chosen))})(?!\w)")
    parts, end = [], 0
    for found in words.finditer(text):
        parts += [
            text[end : found.start()],
            _dots() if found[1] else format_html('<span class="param">{}</span>', found[2]),
        ]
        end = found.end()
    return format_html_join("", "{}", ((part,) for part in [*parts, text[end:]]))


@register.filter
def visible(text: str) -> str:
    """Escape the invisible characters of an untrusted text (`offered_tools.visible`)."""
    return visible_text(text)


@register.filter
def as_json(value: object) -> str:
    """Return a JSON value with indentation."""
    return json.dumps(value, indent=2, ensure_ascii=False)


@register.filter
def code_marked(text: str) -> SafeString:
    """Escape a text, and render what stands between backticks as code."""
    parts = enumerate(text.split("`"))
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", part) if at % 2 else part,) for at, part in parts)
    )


def _dots() -> SafeString:
    return format_html('<span class="red">{}</span>', "•" * 8)


@register.inclusion_tag("components/editor.html")
def editor(
    name: str,
    value: str,
    label: str,
    *,
    errors: Errors,
    field: str = "",
    rows: int = 1,
    placeholder: str = "",
    show_error: bool = True,
) -> dict[str, object]:
    """Render a text area for a text with placeholders, with highlighting and completion.

    Args:
        field: the name under which errors are listed, if it is not `name` (`header_value-0`).
        show_error: whether to print the error; the page may print it elsewhere.
    """
    return {
        "name": name,
        "value": value,
        "label": label,
        "errors": errors,
        "field": field or name,
        "rows": max(rows, value.count("\n") + 1),
        "placeholder": placeholder,
        "show_error": show_error,
    }


@register.inclusion_tag("components/pair_rows.html")
def pair_rows(
    prefix: str, pairs: Sequence[Row], errors: Errors, *, lists: bool = False, files: bool = False
) -> dict[str, object]:
    """Render rows of `{name, value}` as the parallel fields `PREFIX_name` and `PREFIX_value`.

    Args:
        lists: whether each row has a choice of how a list is sent.
        files: whether each row has the name and the media type of a file.
    """
    return {
        "prefix": prefix,
        "errors": errors,
        "styles": LIST_STYLES if lists else [],
        "files": files,
        "rows": [_pair_row(prefix, pair, f"-{index}") for index, pair in enumerate(pairs)],
        "blank": _pair_row(prefix, BLANK_PAIR, "-new"),
    }


def _pair_row(prefix: str, pair: Row, suffix: str) -> dict[str, object]:
    return {
        "name": pair["name"],
        "value": pair["value"],
        "style": pair.get("style", "repeated"),
        "filename": pair.get("filename", ""),
        "content_type": pair.get("content_type", ""),
        **{f"{part}_input": f"{prefix}_{part}" for part in ("style", "filename", "content_type")},
        **{f"{part}_field": f"{prefix}_{part}{suffix}" for part in ("style", "filename", "content_type")},
        "name_input": f"{prefix}_name",
        "value_input": f"{prefix}_value",
        "name_field": f"{prefix}_name{suffix}",
        "value_field": f"{prefix}_value{suffix}",
    }


@register.inclusion_tag("components/declared_field.html", takes_context=True)
def declared_field(
    context: Mapping[str, Any], field: Field, values: Mapping[str, Any], errors: Errors, *, alone: bool = False
) -> dict[str, object]:
    """Render a field that a kind declares. It is hidden unless the choice it belongs to is selected.

    Args:
        alone: whether it is the only field of its card, whose heading says what it is.
    """
    other, wanted = field.shown_for or ("", ())
    return {
        "field": field,
        "value": values[field.input],
        "errors": errors,
        "alone": alone,
        "cards": any(about for _, _, about in field.choices),
        "described_by": f"h-{field.input}" if field.hint else "",
        "parent": context.get("parents", {}).get(field.input),
        "shown_for": other,
        "shown_values": " ".join(wanted),
        "hidden": bool(other) and values[other] not in wanted,
    }


@register.inclusion_tag("components/combobox.html")
def picker(parent: Mapping[str, Any], errors: Errors, described_by: str, placeholder: str) -> dict[str, object]:
    """Render the field that names a connection or connector, with suggestions (`integrations.web.parents.fields`)."""
    return {
        **parent,
        "errors": errors,
        "described_by": described_by,
        "placeholder": placeholder,
        "label": "Suggestions",
    }


@register.inclusion_tag("components/parameter_rows.html")
def parameter_rows(parameters: Sequence[Row], errors: Errors) -> dict[str, object]:
    """Render rows of `{name, type, required, description, choices, rules}` as the parallel fields `param_…`."""
    return {
        "errors": errors,
        "types": PARAMETER_TYPES,
        "rows": [_parameter_row(parameter, f"-{index}") for index, parameter in enumerate(parameters)],
        "blank": _parameter_row(BLANK_PARAMETER, "-new"),
    }


def _parameter_row(parameter: Row, suffix: str) -> dict[str, object]:
    fields = {f"{part}_field": f"param_{part}{suffix}" for part in BLANK_PARAMETER}
    return {**parameter, **fields}
