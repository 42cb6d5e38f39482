import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.templating.placeholders import (
    MalformedPlaceholder,
    ParamPlaceholder,
    SecretPlaceholder,
    Template,
    parse,
)


def test_parse_splits_text_secrets_and_params_in_order():
    assert parse("a {secrets.crm.apiKey}{params.id} z").parts == (
        "a ",
        SecretPlaceholder("crm.apiKey"),
        ParamPlaceholder("id"),
        " z",
    )


def test_template_names_each_secret_and_param_once_in_order():
    template = parse("{secrets.b}{params.y}{secrets.a}{secrets.b}{params.x}{params.y}")
    assert (template.secret_names, template.param_names) == (("b", "a"), ("y", "x"))


@pytest.mark.parametrize(
    "text", ["", "plain", "{secrets.x}", "Bearer {secrets.a-b_c.d} {params._x-1}!", "{secrets.x.}"]
)
def test_source_gives_back_the_text(text):
    assert parse(text).source == text


def test_names_are_case_sensitive_and_dots_belong_to_them():
    assert parse("{secrets.crm}{secrets.crm.apiKey}{secrets.Crm}").secret_names == ("crm", "crm.apiKey", "Crm")


PLAIN = [
    "{}",
    "{ }",
    "{foo}",
    '{"a":1}',
    '{"secrets": {"x": 1}}',
    "{secrets}",
    "{params}",
    "{secret.x}",
    "{mysecrets.x}",
    "{secretsx.y}",
    "query { params { id } secrets(first: 3) { name } }",
    "secrets.x",
    "(secrets.x)",
    "{{}}",
    "{{name}}",
    "{% if x %}",
    "$" + "{name}",
    "100 % {0} %s \\g<0>",
    "größe {größe.x}",
    "{\u0441\u0435\u043a\u0440\u0435\u0442.x}",
]


@pytest.mark.parametrize("text", PLAIN)
def test_other_braces_are_text(text):
    assert parse(text) == Template((text,))


def test_a_placeholder_inside_an_object_is_a_placeholder():
    assert parse('{"n":{params.n}}').parts == ('{"n":', ParamPlaceholder("n"), "}")


MALFORMED = [
    "{Secrets.x}",
    "{SECRETS.X}",
    "{Params.x}",
    "{PARAMS.x}",
    "{ secrets.x}",
    "{secrets.x }",
    "{ secrets.x }",
    "{secrets .x}",
    "{secrets. x}",
    "{\tsecrets.x}",
    "{\nsecrets.x}",
    "{\u00a0secrets.x}",
    "{{secrets.x}}",
    "{{params.x}}",
    "{{ secrets.x }}",
    "{{secrets.x}",
    "{ {secrets.x} }",
    "{{{secrets.x}}}",
    "\uff5b{secrets.x}\uff5d",
    "{secrets[x]}",
    "{secrets['x']}",
    "{params[0]}",
    "{secrets.x!r}",
    "{secrets.x:>10}",
    "{secrets.x|upper}",
    "{secrets.x[0]}",
    "{secrets.x.__class__()}",
    "{secrets.}",
    "{secrets..x}",
    "{secrets.1x}",
    "{secrets.-x}",
    "{secrets.x\n}",
    "{secrets.x",
    "{params.x",
    "{secrets.",
    "{secrets.{secrets.x}}",
    "{secrets.{params.x}}",
    "{params.1}",
    "{params.a.b}",
    "{params.}",
    "{secrets.na\u00efve}",
    "{secrets.\u0445}",
    "{params.\uff58}",
    "{secrets." + "x" * 129 + "}",
    "\uff5bsecrets.x\uff5d",
    "\ufe5bsecrets.x\ufe5c",
    "\u2774secrets.x\u2775",
    "\u2983secrets.x\u2984",
    "{secrets\uff0ex}",
    "{secrets\u2024x}",
    "{secrets\u3002x}",
    "{\uff53\uff45\uff43\uff52\uff45\uff54\uff53.x}",
    "{\u0455ecrets.x}",
    "{s\u0435cr\u0435ts.x}",
    "{se\u0441rets.x}",
    "{\u0440\u0430rams.x}",
    "{\u03c1arams.x}",
    "{par\u0430\u043cs.x}",
    "{\U0001d42c\U0001d41e\U0001d41c\U0001d42b\U0001d41e\U0001d42d\U0001d42c.x}",
    "{s\u00e9crets.x}",
    "{se\u200bcrets.x}",
    "{\ufeffsecrets.x}",
    "{se\u00adcrets.x}",
    "{\u017fecrets.x}",
    "\\{secrets.x\\}",
]


@pytest.mark.parametrize("text", MALFORMED)
def test_what_looks_like_a_placeholder_and_is_not_valid_is_an_error(text):
    with pytest.raises(MalformedPlaceholder):
        parse(text)


@pytest.mark.parametrize("text", MALFORMED)
def test_a_valid_placeholder_elsewhere_does_not_hide_a_malformed_one(text):
    with pytest.raises(MalformedPlaceholder):
        parse("{secrets.ok} " + text + " {params.ok}")


@pytest.mark.parametrize(
    ("text", "position"), [("ab {Secrets.x}", 4), ("\u00e9\u00e9 \uff5bsecrets.x", 4), ("{{secrets.x}}", 1)]
)
def test_the_message_names_position_and_way_out_and_not_the_text(text, position):
    with pytest.raises(MalformedPlaceholder) as caught:
        parse(text)
    assert str(caught.value) == (
        f"Character {position}: this looks like a placeholder, but it is not one. "
        "Write {secrets.NAME} or {params.NAME}: lower case, single braces, nothing else inside them."
    )


def test_a_storm_of_braces_is_parsed_in_linear_time():
    text = "{ " * 100_000
    assert parse(text) == Template((text,))


@given(
    st.lists(
        st.sampled_from(["{", "}", "secrets", "params", ".", "x", " ", "{secrets.x}", "{params.y}", "\uff5b", "["])
    )
)
def test_every_text_is_refused_or_reproduced_exactly(pieces):
    text = "".join(pieces)
    try:
        template = parse(text)
    except MalformedPlaceholder:
        return
    assert template.source == text
    assert all("{secrets." not in literal and "{params." not in literal for literal in template.literals)
