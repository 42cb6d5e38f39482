"""Rules about every template and script: what the Content Security Policy refuses, and where a typed value may go."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SCRIPTS = sorted((ROOT / "static").glob("*.js"))
FORM = re.compile(r"<form\b.*?</form>", re.DOTALL)


def found(paths, looked_for):
    """What a function of the text finds in each file, by its name, where it finds anything."""
    everything = {str(path.relative_to(ROOT)): looked_for(path.read_text()) for path in paths}
    assert len(everything) > 2
    return {name: finds for name, finds in everything.items() if finds}


@pytest.mark.parametrize(
    "forbidden",
    [
        r"\sstyle=",
        r"<style\b",
        r"\son[a-z]+=",
        r"javascript:",
        r"<script(?![^>]*\bsrc=)",
        r"\bhx-on\b",
        r"\|safe\b",
        r"autoescape off",
    ],
)
def test_no_template_has_anything_inline_or_unescaped(forbidden):
    assert found(TEMPLATES, re.compile(forbidden).findall) == {}


@pytest.mark.parametrize(
    "forbidden", [r"innerHTML", r"outerHTML", r"insertAdjacentHTML", r"\beval\(", r"new Function", r"document\.write"]
)
def test_no_script_builds_markup_from_text(forbidden):
    assert found(SCRIPTS, re.compile(forbidden).findall) == {}


def test_every_form_that_posts_carries_the_csrf_token():
    def without(text):
        return [form for form in FORM.findall(text) if 'method="post"' in form and "{% csrf_token %}" not in form]

    assert found(TEMPLATES, without) == {}


def test_every_form_says_its_method():
    def without(text):
        openings = re.findall(r"<form\b[^%>]*(?:{%.*?%}[^%>]*)*>", text)
        return [opening for opening in openings if not re.search(r'method="(post|get)"', opening)]

    assert found(TEMPLATES, without) == {}


def test_value_fields_are_always_rendered_empty():
    fields = re.findall(
        r'<textarea class="input sealed".*?>([^<>]*)</textarea>',
        (ROOT / "templates/secrets_app/_value_fields.html").read_text(),
    )
    assert fields == ["", ""]


def test_no_htmx_request_of_the_form_with_values_is_a_get_or_carries_them():
    form = FORM.search((ROOT / "templates/secrets_app/form.html").read_text()).group()
    assert re.findall(r"hx-(get|delete|put|patch)\b", form) == []
    assert form.count("hx-post") == form.count('hx-params="csrfmiddlewaretoken,name"') == 1
