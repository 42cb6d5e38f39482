"""Rules about every template and script: what the Content Security Policy refuses, and where a typed value may go."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SCRIPTS = sorted((ROOT / "static").glob("*.js"))
FORM = re.compile(r"<form\b.*?</form>", re.DOTALL)


def name(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
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
def test_template_has_nothing_inline_and_nothing_unescaped(path, forbidden):
    assert re.findall(forbidden, path.read_text()) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
@pytest.mark.parametrize(
    "forbidden", [r"innerHTML", r"outerHTML", r"insertAdjacentHTML", r"\beval\(", r"new Function", r"document\.write"]
)
def test_script_builds_no_markup_from_text(path, forbidden):
    assert re.findall(forbidden, path.read_text()) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_every_form_that_posts_carries_the_csrf_token(path):
    forms = [form for form in FORM.findall(path.read_text()) if 'method="post"' in form]
    assert [form for form in forms if "{% csrf_token %}" not in form] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_every_form_says_its_method(path):
    openings = re.findall(r"<form\b[^%>]*(?:{%.*?%}[^%>]*)*>", path.read_text())
    assert [opening for opening in openings if not re.search(r'method="(post|get)"', opening)] == []


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
