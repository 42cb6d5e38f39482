import json
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.errors import InvalidArguments, InvalidHeaderValue, InvalidPathValue
from integrations.exchange.messages import preview, render
from tests.support.integrations.requests import (
    HOSTILE_TEXTS,
    form_body,
    json_body,
    make,
    pairs,
    text_body,
    values,
)


def test_render_fills_every_slot():
    template = make(
        "/u/{params.id}",
        query=pairs(token="{secrets.k}"),
        headers=pairs(Authorization="Bearer {secrets.t}"),
        body=json_body('{"note": "{params.note}", "n": 1}'),
        timeout_seconds=7,
    )
    request = render(template, secrets=values(k="a b", t="abc"), params={"id": "7/8", "note": 'say "hi"'})
    assert (request.method, str(request.url), request.timeout_seconds) == (
        "POST",
        "https://api.example.com/v1/u/7%2F8?token=a%20b",
        7,
    )
    assert request.headers == (("Content-Type", "application/json"), ("Authorization", "Bearer abc"))
    assert json.loads(request.body) == {"note": 'say "hi"', "n": 1}


def test_template_lists_all_secrets_and_params_once():
    template = make(
        "/{params.p}{secrets.a}",
        query=pairs(q="{secrets.b}"),
        headers=pairs(H="{secrets.a}{params.h}"),
        body=form_body(f="{secrets.c}{params.p}"),
    )
    assert (template.secret_names, template.param_names) == (("a", "b", "c"), ("p", "h"))


@pytest.mark.parametrize(
    ("base", "path", "sent"),
    [
        ("https://api.example.com", "", "https://api.example.com/"),
        ("https://api.example.com/", "/a", "https://api.example.com/a"),
        ("https://api.example.com/v1", "", "https://api.example.com/v1"),
        ("https://api.example.com/v1/", "/a/", "https://api.example.com/v1/a/"),
        ("https://api.example.com/v1", "/caf\u00e9 {x}", "https://api.example.com/v1/caf%C3%A9%20%7Bx%7D"),
        ("https://api.example.com", "/a%2Bb;c=1,2:@", "https://api.example.com/a%2Bb;c=1,2:@"),
        ("http://127.0.0.1:8001/v1", "/a", "http://127.0.0.1:8001/v1/a"),
        ("https://M.de", "/a", "https://m.de/a"),
    ],
)
def test_the_path_is_appended_to_the_base(base, path, sent):
    request = render(make(path, base_url=base), secrets={}, params={})
    assert str(request.url) == sent


@pytest.mark.parametrize(
    ("path", "query", "is_fixed"),
    [("/a", "x", True), ("", "", True), ("/{params.v}", "x", False), ("/a", "{secrets.s}", False)],
)
def test_an_address_without_placeholders_is_made_once(path, query, is_fixed):
    template = make(path, query=pairs(q=query))
    one, other = (render(template, secrets=values(s=text), params={"v": text}).url for text in ("a", "b"))
    assert (one is other, one == other) == (is_fixed, is_fixed)


QUERY = {"a b": "a%20b", "a+b": "a%2Bb", "&x=1#": "%26x%3D1%23", "\u00e9": "%C3%A9", "%41": "%2541", "": "", "/": "%2F"}


@pytest.mark.parametrize(("value", "sent"), QUERY.items())
def test_a_query_value_is_percent_encoded_whole(value, sent):
    request = render(make(query=pairs(q="-{params.v}-")), secrets={}, params={"v": value})
    assert request.url.raw_query_string == f"q=-{sent}-"


def test_query_names_and_literals_are_encoded_and_may_repeat():
    template = make(query=(*pairs(tag="a b"), *pairs(tag="{secrets.s}"), *pairs(**{"f[x]": "1"})))
    assert render(template, secrets=values(s="&"), params={}).url.raw_query_string == "tag=a%20b&tag=%26&f%5Bx%5D=1"


def test_a_form_is_encoded_with_plus_for_space():
    request = render(make(body=form_body(a="{secrets.s} {params.p}")), secrets=values(s="x y&"), params={"p": 3})
    assert (request.body, request.headers) == (
        b"a=x+y%26+3",
        (("Content-Type", "application/x-www-form-urlencoded"),),
    )


def test_a_text_body_is_sent_as_it_is():
    request = render(make(body=text_body("<a>{secrets.s}</a>{}")), secrets=values(s="\u00fc&\n{params.p}"), params={})
    assert request.body == "<a>\u00fc&\n{params.p}</a>{}".encode()
    assert request.headers == (("Content-Type", "text/plain; charset=utf-8"),)


def test_a_media_type_of_the_template_is_kept():
    request = render(make(headers=pairs(content_type="application/xml"), body=text_body("<a/>")), secrets={}, params={})
    assert request.headers == (("content-type", "application/xml"),)


@pytest.mark.parametrize(
    ("value", "text"),
    [("x", "x"), (True, "true"), (3, "3"), (1.5, "1.5"), (-0.25, "-0.25"), ("{secrets.k}", "{secrets.k}")],
)
def test_scalar_arguments_have_one_spelling_as_text(value, text):
    request = render(make(headers=pairs(H="{params.v}")), secrets=values(k="no"), params={"v": value})
    assert request.headers == (("H", text),)


@pytest.mark.parametrize(
    "value", [None, [], {}, ["a"], {"a": 1}, float("inf"), float("nan"), 10**5000, "\ud800"], ids=range(9)
)
@pytest.mark.parametrize("slot", ["path", "query", "headers", "form", "text", "json"])
def test_other_arguments_are_refused_in_a_text(value, slot):
    template = {
        "path": make("/{params.v}"),
        "query": make(query=pairs(q="-{params.v}")),
        "headers": make(headers=pairs(H="-{params.v}")),
        "form": make(body=form_body(f="-{params.v}")),
        "text": make(body=text_body("{params.v}")),
        "json": make(body=json_body('["-{params.v}"]')),
    }[slot]
    with pytest.raises(InvalidArguments) as caught:
        render(template, secrets={}, params={"v": value})
    assert [error.field for error in caught.value.errors] == ["params.v"]


def test_a_missing_argument_is_refused():
    with pytest.raises(InvalidArguments):
        render(make("/{params.v}"), secrets={}, params={})


@pytest.mark.parametrize("value", [None, True, 3, 1.5, "x", [1, {"a": None}], {"k": "{secrets.k}"}])
def test_a_json_string_that_is_one_parameter_takes_its_type(value):
    request = render(make(body=json_body('{"v": "{params.v}"}')), secrets=values(k="no"), params={"v": value})
    assert json.loads(request.body) == {"v": value}


def test_a_value_cannot_break_out_of_its_json_string():
    hostile = 'x", "admin": true, "\\u0022: "\n\ud83d\ude00'.encode("utf-16", "surrogatepass").decode("utf-16")
    request = render(
        make(body=json_body('{"a": "{secrets.s}{params.p}"}')), secrets=values(s=hostile), params={"p": hostile}
    )
    assert json.loads(request.body) == {"a": hostile + hostile}


def test_what_was_filled_in_does_not_show_in_representations():
    template = make(headers=pairs(H="{secrets.s}"), query=pairs(q="{secrets.s}"), body=text_body("{secrets.s}"))
    request = render(template, secrets=values(s="canary-value"), params={})
    assert "canary-value" in str(request.url)
    assert "canary-value" not in repr(request)
    assert repr(request) == "OutgoingRequest(method='POST', timeout_seconds=20)"


def test_a_preview_shows_arguments_and_dots():
    template = make(
        "/u/{params.id}/{secrets.s}",
        query=pairs(q="{secrets.s}"),
        headers=pairs(Authorization="Bearer {secrets.s}"),
        body=json_body('{"a": "{secrets.s}", "b": "{params.id}"}'),
    )
    shown = preview(template, params={"id": 7})
    dots = "\u2022" * 8
    assert (shown.method, shown.host, shown.path_and_query) == ("POST", "api.example.com", f"/v1/u/7/{dots}?q={dots}")
    assert shown.headers == [("Content-Type", "application/json"), ("Authorization", f"Bearer {dots}")]
    assert shown.body == f'{{\n  "a": "{dots}",\n  "b": 7\n}}'


@pytest.mark.parametrize(
    ("template", "refusal"),
    [
        (make("/{params.v}"), InvalidPathValue),
        (make(headers=pairs(H="{params.v}")), InvalidHeaderValue),
    ],
)
def test_a_preview_refuses_what_the_arguments_would_break(template, refusal):
    with pytest.raises(refusal):
        preview(template, params={"v": ".." if refusal is InvalidPathValue else "a\nb"})


@given(a=HOSTILE_TEXTS, b=HOSTILE_TEXTS | st.integers() | st.booleans() | st.lists(st.integers()), s=HOSTILE_TEXTS)
def test_whatever_is_filled_in_the_request_keeps_its_shape(a, b, s):
    template = make(
        "/u/{params.a}/z",
        query=pairs(q="{params.a}{secrets.s}", r="1"),
        headers=pairs(X_Key="k {params.a} {secrets.s} k"),
        body=json_body('{"x": ["{params.a}", {"y": "{params.b}"}], "z": "{secrets.s}"}'),
    )
    secrets = values(s=s, other="never-named-canary")
    try:
        request = render(template, secrets=secrets, params={"a": a, "b": b})
    except (InvalidHeaderValue, InvalidPathValue):
        return
    url = request.url
    assert (url.scheme, url.raw_host, url.port, url.user, url.raw_fragment) == (
        "https",
        "api.example.com",
        443,
        None,
        "",
    )
    assert url.raw_path.startswith("/v1/u/")
    assert url.raw_path.count("/") == 4
    assert url.raw_path.endswith("/z")
    assert parse_qsl(url.raw_query_string, keep_blank_values=True) == [("q", a + s), ("r", "1")]
    assert [name for name, _ in request.headers] == ["Content-Type", "X-Key"]
    assert json.loads(request.body) == {"x": [a, {"y": b}], "z": s}
    assert "never-named-canary" not in f"{url}{request.headers}{request.body!r}"


@given(a=HOSTILE_TEXTS, s=HOSTILE_TEXTS)
def test_whatever_is_filled_into_a_form_its_fields_stay(a, s):
    request = render(make(body=form_body(x="{params.a}-{secrets.s}", y="1")), secrets=values(s=s), params={"a": a})
    assert parse_qsl(request.body.decode(), keep_blank_values=True) == [("x", f"{a}-{s}"), ("y", "1")]
