"""Template tags for the small, repeated parts of pages: icons, statuses, environments, times, references, form errors.

Markup and classes are documented in docs/interface.md, "Components". All text is escaped here. Parts that need more
markup are templates in `templates/components/`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from django import template
from django.contrib.messages.storage.base import Message
from django.forms import BaseForm, BoundField, CheckboxInput
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.common.browsers import browser_in_words
from accounts.common.environments import Environment, in_order
from accounts.common.initials import initials
from accounts.common.when import ahead_in_words, date_in_words, exact, in_words, left_in_words
from accounts.errors import FieldError
from accounts.web.field_labels import label_of

register = template.Library()
register.filter("browser", browser_in_words)

STATUSES = {
    "active": ("circle-check", "Active"),
    "disabled": ("circle-pause", "Disabled"),
    "missing": ("triangle-alert", "Missing"),
}
# An integration's states look like a secret's statuses and have their own words.
STATES = {
    "ready": ("", "circle-dashed", "Ready"),
    "working": ("active", "circle-check", "Working"),
    "failing": ("missing", "triangle-alert", "Failing"),
    "paused": ("disabled", "circle-pause", "Paused"),
}
VALUE_STATES = {"set": "value set", "missing": "no value", "unreadable": "value cannot be opened"}
DOTS = "••••••••"


@register.simple_tag
@cache
def icon(name: str, size: str = "") -> SafeString:
    """Render a decorative icon of the sprite. `size` is `sm`, `lg`, `xl` or other classes."""
    return format_html(
        '<svg class="{}" viewBox="0 0 24 24" aria-hidden="true"><use href="{}#{}"/></svg>',
        f"icon {size}".strip(),
        static("icons.svg"),
        name,
    )


@register.simple_tag
def mark() -> SafeString:
    """Render the product's mark."""
    return format_html(
        '<svg class="mark" viewBox="0 0 24 24" aria-hidden="true"><use href="{}#mark"/></svg>', static("icons.svg")
    )


@register.simple_tag
def avatar(name: str, extra: str = "") -> SafeString:
    """Render the initials of a person or, with `extra="org"`, of an organization."""
    return format_html('<span class="{}" aria-hidden="true">{}</span>', f"avatar {extra}".strip(), initials(name))


@register.simple_tag
@cache
def status(value: str) -> SafeString:
    """Render a secret's status (`active`, `disabled` or `missing`) as icon and word."""
    image, word = STATUSES[value]
    return format_html('<span class="st {}">{}{}</span>', value, icon(image), word)


@register.simple_tag
def state(value: str) -> SafeString:
    """Render an integration's state (`ready`, `working`, `failing` or `paused`) as icon and word."""
    look, image, word = STATES[value]
    return format_html('<span class="{}">{}{}</span>', f"st {look}".strip(), icon(image), word)


@register.simple_tag
def env_marks(states: Mapping[str, str], shared: bool = False) -> SafeString:
    """Render D, S and P, solid where a value is set and joined if one value serves all.

    `states` maps each environment to the state of its value.
    """
    return _marks(tuple(states.get(env, "missing") for env in Environment), shared)


@cache
def _marks(states: tuple[str, ...], shared: bool) -> SafeString:
    pairs = list(zip(Environment, states, strict=True))
    if shared:
        label = title = "One value for all environments"
    else:
        label = ", ".join(f"{env.label}: {VALUE_STATES[state]}" for env, state in pairs)
        title = ", ".join(env.label for env, state in pairs if state == "set") or "No value"
    return _letters([(env.letter, state == "set") for env, state in pairs], label=label, title=title, shared=shared)


@register.simple_tag
def env_use(environments: Iterable[Environment], word: str = "in use") -> SafeString:
    """Render D, S and P, solid in the given environments.

    `word` says what that means, such as `in use` or `allowed`.
    """
    chosen = frozenset(environments)
    label = ", ".join(f"{env.label}: {word if env in chosen else f'not {word}'}" for env in Environment)
    title = ", ".join(env.label for env in in_order(chosen)) or "No environment"
    return _letters([(env.letter, env in chosen) for env in Environment], label=label, title=title)


@register.simple_tag
def env_tags(environments: Iterable[Environment]) -> SafeString:
    """Render the letters of these environments only."""
    chosen = in_order(environments)
    words = ", ".join(env.label for env in chosen) or "No environment"
    return _letters([(env.letter, True) for env in chosen], label=words, title=words)


@register.simple_tag
def env_tag(environment: Environment) -> SafeString:
    """Render the letter of one environment."""
    return env_tags([environment])


def _letters(letters: Iterable[tuple[str, bool]], *, label: str, title: str, shared: bool = False) -> SafeString:
    boxes = format_html_join(
        "", '<span class="{}">{}</span>', (("env" if on else "env no", letter) for letter, on in letters)
    )
    classes = "envs shared" if shared else "envs"
    return format_html('<span class="{}" role="img" aria-label="{}" title="{}">{}</span>', classes, label, title, boxes)


@register.simple_tag
def when(moment: datetime | None) -> SafeString:
    """Render a past time in relative words, with the exact time in UTC as title. None is `Never`."""
    if moment is None:
        return format_html('<span class="muted">{}</span>', "Never")
    return _time(moment, in_words(moment, timezone.now()))


@register.simple_tag
def until(moment: datetime) -> SafeString:
    """Render a future time in relative words, with the exact time in UTC as title."""
    return _time(moment, ahead_in_words(moment, timezone.now()))


@register.simple_tag
def left(moment: datetime) -> SafeString:
    """Render the time that is left until a moment, with the exact time in UTC as title."""
    return _time(moment, left_in_words(moment, timezone.now()))


@register.simple_tag
def date(moment: datetime) -> SafeString:
    """Render the date, with the exact time in UTC as title."""
    return _time(moment, date_in_words(moment))


def _time(moment: datetime, words: str) -> SafeString:
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exact(moment), words)


@register.simple_tag
def dots() -> SafeString:
    """Render the mask of a value: always eight dots, whatever its length."""
    return format_html('<span class="dots" role="img" aria-label="Value hidden">{}</span>', DOTS)


@register.simple_tag
def secret_ref(name: str, missing: bool = False) -> SafeString:
    """Render a reference as a chip, with a wavy line if the secret does not exist."""
    return format_html('<code class="{}">{}</code>', "ref bad" if missing else "ref", _reference(name))


@register.simple_tag
def copy_ref(name: str, words: str = "") -> SafeString:
    """Render the button that copies `{secrets.NAME}`: an icon alone, or with `words` beside it."""
    look = "btn ghost sm" if words else "btn ghost square sm"
    size = " sm" if words else ""
    return format_html(
        '<button class="{}" type="button" data-copy="{ref}" aria-label="Copy reference {ref}" title="Copy {ref}">'
        "{}{}{}</button>",
        look,
        icon("copy", f"todo{size}"),
        icon("check", f"done{size}"),
        words,
        ref=_reference(name),
    )


def _reference(name: str) -> str:
    return f"{{secrets.{name}}}"


@register.simple_tag
def sparkline(counts: Sequence[int], label: str) -> SafeString:
    """Render calls per day as bars, oldest first. The last bar is today's; a day without a call keeps a thin line."""
    tallest = max([1, *counts])
    heights = [max(1.5, 34 * count / tallest) for count in counts]
    last = len(counts) - 1
    bars = (
        (day * 6, f"{36 - height:.1f}", f"{height:.1f}", format_html(' class="{}"', "now") if day == last else "")
        for day, height in enumerate(heights)
    )
    return format_html(
        '<svg class="spark" viewBox="0 0 {} 36" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>',
        6 * max(1, len(counts)),
        label,
        format_html_join("", '<rect x="{}" y="{}" width="4" height="{}" rx="1"{}/>', bars),
    )


@register.filter
def undo_of(message: Message) -> dict[str, Any] | None:
    """Return the form that undoes what a message says (`accounts.web.replies.with_undo`); None if there is none."""
    return json.loads(message.extra_tags) if message.extra_tags else None


@register.filter
def thousands(number: int) -> str:
    """`7046` -> `7,046`."""
    return f"{number:,}"


@register.simple_tag
def error_attrs(errors: Sequence[FieldError], field: str, described_by: str = "") -> SafeString:
    """Render the attributes that tie a control to its hints and, if the field is wrong, to its error.

    By convention a control's id is `f-FIELD` and its error's is `e-FIELD`.
    """
    wrong = _message(errors, field) is not None
    ids = f"{described_by} e-{field}".strip() if wrong else described_by
    invalid = format_html(' aria-invalid="{}"', "true") if wrong else ""
    return format_html("{}{}", invalid, format_html(' aria-describedby="{}"', ids) if ids else "")


@register.simple_tag
def field_error(errors: Sequence[FieldError], field: str) -> SafeString:
    """Render the error below a control, or nothing if the field is correct."""
    message = _message(errors, field)
    if message is None:
        return SafeString("")
    return format_html('<p class="error" id="e-{}">{}{}</p>', field, icon("circle-alert"), message)


@register.inclusion_tag("components/error_summary.html")
def error_summary(errors: Sequence[FieldError], title: str) -> dict[str, object]:
    """Render the note above a refused form with a link to each wrong field.

    The field `""` stands for the whole form.
    """
    return {"title": title, "errors": [(label_of(error.field), error) for error in errors]}


def _message(errors: Sequence[FieldError], field: str) -> str | None:
    return next((error.message for error in errors if error.field == field), None)


@register.inclusion_tag("components/form_field.html")
def form_field(field: BoundField, label: str = "", hint: str = "", extra: str = "") -> dict[str, Any]:
    """Render a field of a Django form (django-allauth's) with label, control, errors and hint. `extra` adds classes."""
    described = " ".join([f"e-{field.auto_id}"] * bool(field.errors) + [f"h-{field.auto_id}"] * bool(hint))
    attrs: dict[str, str | bool] = {"class": f"input {extra}".strip(), "placeholder": False}
    if described:
        attrs["aria-describedby"] = described
    if field.errors:
        attrs["aria-invalid"] = "true"
    is_tick = isinstance(field.field.widget, CheckboxInput)
    control = field.as_widget(attrs={} if is_tick else attrs)
    return {"field": field, "label": label or field.label, "hint": hint, "control": control, "is_tick": is_tick}


@register.inclusion_tag("components/form_errors.html")
def form_errors(form: BaseForm, title: str) -> dict[str, Any]:
    """Render the errors of a Django form, each with a link to its field."""
    fields = [(field, error) for field in form.visible_fields() for error in field.errors]
    hidden = [error for field in form.hidden_fields() for error in field.errors]
    return {"title": title, "fields": fields, "others": [*form.non_field_errors(), *hidden]}
