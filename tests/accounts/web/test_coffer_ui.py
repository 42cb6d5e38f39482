"""The small parts of the interface: what they say, and that nothing gets through unescaped."""

from datetime import UTC, datetime, timedelta

import pytest
from django.template import Context, Template
from django.utils import timezone

from accounts.common.environments import Environment
from accounts.errors import FieldError

HOSTILE = """<b a='1' c="2">&"""
ESCAPED = "&lt;b a=&#x27;1&#x27; c=&quot;2&quot;&gt;&amp;"


def render(source, **context):
    return Template("{% load coffer_ui integration_ui %}" + source).render(Context(context))


def test_icon_points_into_the_sprite():
    assert render('{% icon "key-round" "sm" %}') == (
        '<svg class="icon sm" viewBox="0 0 24 24" aria-hidden="true"><use href="/static/icons.svg#key-round"/></svg>'
    )


@pytest.mark.parametrize(("value", "word"), [("active", "Active"), ("disabled", "Disabled"), ("missing", "Missing")])
def test_status_is_a_word_beside_its_icon(value, word):
    html = render("{% status value %}", value=value)
    assert html.startswith(f'<span class="st {value}"><svg')
    assert html.endswith(f"</svg>{word}</span>")


def test_environment_marks_name_every_environment():
    html = render(
        "{% env_marks states %}", states={"development": "set", "staging": "unreadable", "production": "missing"}
    )
    assert 'aria-label="Development: value set, Staging: value cannot be opened, Production: no value"' in html
    assert html.count('class="env no"') == 2


def test_environment_marks_of_one_value_for_all_are_joined():
    html = render("{% env_marks states True %}", states=dict.fromkeys(Environment, "set"))
    assert 'class="envs shared"' in html
    assert 'aria-label="One value for all environments"' in html


def test_environment_tags_show_only_the_given_ones_in_order():
    html = render("{% env_tags chosen %}", chosen=[Environment.PRODUCTION, Environment.DEVELOPMENT])
    assert 'aria-label="Development, Production"' in html
    assert html.count('class="env"') == 2


def test_time_is_relative_with_the_exact_time_as_title():
    html = render("{% when moment %}", moment=timezone.now() - timedelta(minutes=4, seconds=5))
    assert html.endswith(">4 min ago</time>")
    old = render("{% when moment %}", moment=datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert old == '<time datetime="2020-01-02T03:04:05+00:00" title="2020-01-02 03:04:05 UTC">2 Jan 2020</time>'


def test_no_time_is_never():
    assert render("{% when None %}") == '<span class="muted">Never</span>'


def test_mask_has_eight_dots():
    assert "•" * 8 in render("{% dots %}")


@pytest.mark.parametrize(
    "source",
    [
        "{% secret_ref text %}",
        "{% copy_ref text %}",
        "{% copy_ref 'x' text %}",
        "{% icon text %}",
        "{% sparkline counts text %}",
        "{{ text|masked }}",
    ],
)
def test_every_part_escapes_what_it_shows(source):
    html = render(source, text=HOSTILE, counts=[1])
    assert HOSTILE not in html
    assert ESCAPED in html


def test_masks_of_a_response_are_shown_as_masks():
    mask = f'<span class="red">{"•" * 8}</span>'
    assert render("{{ text|masked }}", text="a [redacted] b •••••••• <c>") == f"a {mask} b {mask} &lt;c&gt;"


def test_sparkline_marks_today_and_copes_with_no_calls():
    html = render("{% sparkline counts 'Calls' %}", counts=[0, 0, 0])
    assert html.count("<rect") == 3
    assert html.count('class="now"') == 1


def test_wrong_field_is_tied_to_its_error():
    errors = [FieldError("name", f"No {HOSTILE}")]
    html = render('<input{% error_attrs errors "name" "hint" %}>{% field_error errors "name" %}', errors=errors)
    assert html.startswith('<input aria-invalid="true" aria-describedby="hint e-name">')
    assert '<p class="error" id="e-name">' in html
    assert ESCAPED in html


def test_right_field_has_no_error():
    errors = [FieldError("other", "Wrong.")]
    assert render('<input{% error_attrs errors "name" %}>{% field_error errors "name" %}', errors=errors) == "<input>"


def test_error_summary_links_to_the_fields():
    errors = [FieldError("", "Somebody else saved it."), FieldError("name", "Enter a name.")]
    html = render('{% error_summary errors "Not saved" %}', errors=errors)
    assert 'role="alert" tabindex="-1"' in html
    assert '<li>Somebody else saved it.</li><li><a href="#f-name">Name: Enter a name.</a></li>' in html


def test_no_error_has_no_summary():
    assert render('{% error_summary errors "Not saved" %}', errors=[]).strip() == ""


def test_editor_keeps_the_text_and_escapes_it():
    text = f"\nfirst line {HOSTILE}</textarea>"
    html = render('{% editor "body" text "Body" errors=errors %}', text=text, errors=[])
    assert html.count("</textarea>") == 1
    assert f">\n\nfirst line {ESCAPED}" in html


def test_pair_rows_number_their_fields_and_keep_one_blank():
    pairs = [{"name": "X-One", "value": "1"}, {"name": "X-Two", "value": "2"}]
    html = render('{% pair_rows "header" pairs errors %}', pairs=pairs, errors=[FieldError("header_value-1", "Bad.")])
    assert html.count('name="header_name"') == 4  # two rows, the blank one, and the blank one without JavaScript
    assert 'id="f-header_value-1"' in html
    assert 'id="e-header_value-1"' in html


def test_parameter_rows_show_what_was_declared():
    rows = [{"name": "phone", "type": "integer", "required": False, "description": "Number", "choices": "1, 2"}]
    html = render("{% parameter_rows rows errors %}", rows=rows, errors=[])
    assert '<option value="integer" selected>' in html
    assert '<option value="no" selected>' in html
    assert 'value="1, 2"' in html
