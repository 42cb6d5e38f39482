"""Cases of the kind `request`: what agents send, and the bytes that arrive at the upstream."""

import base64
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.support.things import store_secret

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("inline"), pytest.mark.sqlite]

LIST = {"type": "array", "items": {"type": "string"}}
FILE = {"type": "object", "format": "file"}
AUDIO = bytes(range(256)) * 4096
GIVEN = {"content": base64.b64encode(AUDIO).decode(), "name": 'Ä "1".mp3', "media_type": "audio/mpeg"}


def query(name, value, **more):
    return [{"name": name, "value": value, **more}]


OPTIONAL = {
    "q02-absent": ({"page": {"type": "integer"}}, {}, query("page", "{params.page}"), "/"),
    "q02-given": ({"page": {"type": "integer"}}, {"page": 3}, query("page", "{params.page}"), "/?page=3"),
    "q02-empty": ({"q": {"type": "string"}}, {"q": ""}, query("q", "{params.q}"), "/?q="),
    "q02-null": ({"q": {"type": ["string", "null"]}}, {"q": None}, query("q", "{params.q}"), "/"),
    "q03": ({"ids": LIST}, {"ids": ["a", "b&"]}, query("ids[]", "{params.ids}"), "/?ids%5B%5D=a&ids%5B%5D=b%26"),
    "q03-repeated": ({"ids": LIST}, {"ids": ["a", "b"]}, query("id", "{params.ids}"), "/?id=a&id=b"),
    "q03-comma": ({"ids": LIST}, {"ids": ["a,", "b"]}, query("id", "{params.ids}", style="comma"), "/?id=a%2C,b"),
    "q03-brackets": ({"i": LIST}, {"i": ["a"]}, query("i", "{params.i}", style="brackets"), "/?i%5B%5D=a"),
    "q03-empty": ({"ids": LIST}, {"ids": []}, query("id", "{params.ids}", style="comma"), "/"),
    "q03-numbers": (
        {"n": {"type": "array", "items": {"type": "number"}}},
        {"n": [1, True, 2.5]},
        query("n", "{params.n}"),
        None,
    ),
    "q05": (
        {"id": {"type": "integer"}},
        {"id": 653247040368672768},
        query("id", "{params.id}"),
        "/?id=653247040368672768",
    ),
}


@pytest.mark.parametrize(("declared", "given", "entries", "target"), OPTIONAL.values(), ids=OPTIONAL)
def test_query_entries_follow_their_arguments(send, upstream, declared, given, entries, target):
    answer = send(given, declared, query=entries)
    if target is None:
        assert answer.json()["errors"] == [{"field": "params.n[1]", "message": "Give a value of type number."}]
    else:
        assert (answer.status_code, upstream.target) == (200, target)


def test_q02_headers_fields_members_and_whole_bodies_are_left_out_alike(send, upstream):
    declared = {name: {"type": "string"} for name in ("trace", "a", "b")} | {"filter": {"type": "object"}, "tags": LIST}
    content = '{"a": "{params.a}", "filter": "{params.filter}", "list": ["{params.b}", 1], "tags": "{params.tags}"}'
    headers = [{"name": "X-Trace", "value": "{params.trace}"}]
    body = {"type": "json", "content": content}
    assert send({"filter": {"x": [1]}}, declared, headers=headers, body=body).status_code == 200
    assert (upstream.header("x-trace"), upstream.body) == (None, b'{"filter": {"x": [1]}, "list": [1]}')


@pytest.mark.parametrize(("kind", "content"), [("json", '"{params.a}"'), ("text", "{params.a}")])
def test_q02_a_body_that_is_one_absent_argument_is_no_body(send, upstream, kind, content):
    send({}, {"a": {"type": "string"}}, body={"type": kind, "content": content})
    assert (upstream.body, upstream.header("content-type"), upstream.header("content-length")) == (b"", None, "0")


REFUSED_AT_SAVE = {
    "part of a longer text": (
        {"query": query("q", "x{params.a}")},
        "config.query[0].value",
        "whole text of this entry",
    ),
    "the path": ({"path": "/{params.a}"}, "config.path", "required"),
    "a list in a header": ({"headers": query("X", "{params.l}")}, "config.headers[0].value", "Declare l as string"),
    "a list without items": ({"query": query("q", "{params.u}")}, "config.query[0].value", "array whose items"),
    "an object in a query": ({"query": query("q", "{params.o}")}, "config.query[0].value", "array whose items"),
    "style of a header": ({"headers": query("X", "y", style="comma")}, "config.headers[0].style", "no such field"),
    "unknown style": ({"query": query("X", "y", style="pipes")}, "config.query[0].style", "Choose"),
    "a file in JSON": ({"body": {"type": "json", "content": '["{params.f}"]'}}, "config.body.content", "base64 text"),
    "binary of a text": ({"body": {"type": "binary", "content": "{params.a}"}}, "config.body.content", '"file"'),
    "binary of more": ({"body": {"type": "binary", "content": "x"}}, "config.body.content", "{params.file}"),
    "binary media type": (
        {"body": {"type": "binary", "content": "{params.f}", "content_type": "audio"}},
        "config.body.content_type",
        "audio/mpeg",
    ),
    "a file in a form": (
        {"body": {"type": "form", "content": query("a", "b", filename="x")}},
        "config.body.content[0].filename",
        "multipart",
    ),
    "its own boundary": (
        {"body": {"type": "multipart", "content": []}, "headers": query("Content-Type", "multipart/form-data")},
        "config.headers[0].name",
        "Remove this header",
    ),
    "HEAD with a body": ({"method": "HEAD", "body": {"type": "text", "content": "x"}}, "config.body.type", "HEAD"),
    "a line break in a name": (
        {"body": {"type": "multipart", "content": query("a\nb", "c")}},
        "config.body.content[0].name",
        "line breaks",
    ),
    "a name twice": (
        {"body": {"type": "json", "content": '{"a": 1, "a": 2}'}},
        "config.body.content",
        "same key twice",
    ),
}


@pytest.mark.parametrize(("config", "field", "words"), REFUSED_AT_SAVE.values(), ids=REFUSED_AT_SAVE)
def test_what_cannot_be_sent_is_refused_at_save_with_the_way_out(send, config, field, words):
    declared = {"a": {"type": "string"}, "l": LIST, "u": {"type": "array"}, "o": {"type": "object"}, "f": FILE}
    response = send.create(declared, **config)
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert (error["field"], words in error["message"]) == (field, True), error


MIXED = {"a": LIST, "file": FILE, "more": {"type": "array", "items": FILE}, "none": FILE, "b": {"type": "string"}}


def test_q08_multipart_sends_fields_and_the_very_bytes_of_files(send, upstream, owner):
    store_secret(owner)
    content = [
        {"name": "model", "value": "whisper-1 {secrets.crm.apiKey}"},
        {"name": "tag", "value": "{params.a}"},
        {"name": "left", "value": "{params.b}"},
        {"name": "none", "value": "{params.none}"},
        {"name": 'fi"le', "value": "{params.file}"},
        {"name": "more", "value": "{params.more}", "content_type": "image/png", "style": "brackets"},
        {"name": "note", "value": "grüße", "filename": "note.txt"},
    ]
    more = [{"content": base64.urlsafe_b64encode(b"\xff\xfe--").decode().rstrip("=")}]
    given = {"a": ["x", "y"], "file": GIVEN, "more": more}
    body = {"type": "multipart", "content": content}
    answer = send(given, MIXED, body=body, max_argument_bytes=8_000_000)
    assert answer.status_code == 200, answer.content
    assert 'filename="Ä %221%22.mp3"'.encode() in upstream.body
    assert upstream.parts == [
        ("model", None, None, b"whisper-1 correct-horse-battery"),
        ("tag", None, None, b"x"),
        ("tag", None, None, b"y"),
        ("fi%22le", "\ufffd\ufffd %221%22.mp3", "audio/mpeg", AUDIO),
        ("more[]", "file", "image/png", b"\xff\xfe--"),
        ("note", "note.txt", "text/plain; charset=utf-8", "grüße".encode()),
    ]


@pytest.mark.parametrize(
    ("config", "given", "sent"),
    [
        ({}, GIVEN, "audio/mpeg"),
        ({"content_type": "audio/wav"}, GIVEN, "audio/wav"),
        ({}, {"content": GIVEN["content"]}, "application/octet-stream"),
    ],
)
def test_q08_binary_is_the_file_alone(send, upstream, config, given, sent):
    body = {"type": "binary", "content": "{params.file}", **config}
    assert send({"file": given}, {"file": FILE}, body=body, max_argument_bytes=8_000_000).status_code == 200
    assert (upstream.body, upstream.header("content-type")) == (AUDIO, sent)


def test_q08_binary_of_base64_text_and_of_nothing(send, upstream):
    body = {"type": "binary", "content": "{params.file}"}
    declared = {"file": {"type": "string", "contentEncoding": "base64"}}
    wrapped = base64.encodebytes(AUDIO[:100]).decode()
    assert send({"file": wrapped}, declared, body=body).status_code == 200
    assert upstream.body == AUDIO[:100]


BAD_FILES = {
    "not base64": ({"content": "%%%"}, "params.file.content", "Give the bytes in base64."),
    "no content": ({"name": "x"}, "params.file", "Required: content."),
    "a text": ("aGk=", "params.file", "Give a value of type object."),
    "another field": ({"content": "aGk=", "path": "/etc"}, "params.file", "Leave out fields that are not declared."),
    "a header in the name": (
        {"content": "aGk=", "name": "x\r\nX-Evil: 1"},
        "params.file",
        "Leave line breaks and other control characters out of the name of the file.",
    ),
    "a header in the type": (
        {"content": "aGk=", "media_type": "a/b\r\nX: y"},
        "params.file",
        "Give a media type such as audio/mpeg.",
    ),
}


@pytest.mark.parametrize(("given", "field", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_refused_with_field_and_rule(send, given, field, message):
    body = {"type": "multipart", "content": [{"name": "file", "value": "{params.file}"}]}
    answer = send({"file": given}, {"file": FILE}, body=body)
    assert (answer.status_code, answer.json()["errors"]) == (422, [{"field": field, "message": message}])


def test_a_secret_inside_a_file_is_refused_however_its_base64_is_broken(send, owner, upstream):
    store_secret(owner)
    body = {
        "type": "multipart",
        "content": [{"name": "k", "value": "{secrets.crm.apiKey}"}, {"name": "f", "value": "{params.file}"}],
    }
    inside = base64.b64encode(b"my key is correct-horse-battery, see").decode()
    broken = "\n".join(inside[at : at + 4] for at in range(0, len(inside), 4))
    answer = send({"file": {"content": broken}}, {"file": FILE}, body=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "argument_contains_secret")


def test_a_form_repeats_names_and_lists(send, upstream):
    content = [*query("a", "1"), *query("a", "{params.l}"), *query("b", "{params.l}", style="comma")]
    send({"l": ["x y", "z"]}, {"l": LIST}, body={"type": "form", "content": content})
    assert upstream.body == b"a=1&a=x+y&a=z&b=x+y,z"
    assert parse_qsl(upstream.body.decode()) == [("a", "1"), ("a", "x y"), ("a", "z"), ("b", "x y,z")]


def test_q01_a_post_without_a_body_says_so(send, upstream):
    send()
    assert upstream.header("content-length") == "0"


def test_q04_a_path_argument_is_encoded_once(send, upstream):
    declared = {"a": {"type": "string", "default": "x"}}
    send({"a": "a/b ü% kim+1@example.com"}, declared, path="/p:predict/Accounts('x')/{params.a}")
    assert upstream.target == "/p:predict/Accounts('x')/a%2Fb%20%C3%BC%25%20kim%2B1%40example.com"


def test_q04t_a_token_with_a_colon_in_the_path(send, upstream, owner):
    store_secret(owner, "bot.token", "123456:AAE-token-of-a-bot")
    send(path="/bot{secrets.bot.token}/getMe")
    assert urlsplit(upstream.target).path == "/bot123456%3AAAE-token-of-a-bot/getMe"


@pytest.mark.parametrize(
    ("method", "body", "arrives"),
    [
        ("GET", {"type": "json", "content": '{"query": {}}'}, b'{"query": {}}'),
        ("DELETE", {"type": "json", "content": "{}"}, b"{}"),
        ("PATCH", {"type": "json", "content": "{}"}, b"{}"),
        ("GET", {"type": "none"}, b""),
        ("HEAD", {"type": "none"}, b""),
    ],
)
def test_q14_methods_with_and_without_a_body(send, upstream, method, body, arrives):
    assert send(method=method, body=body).status_code == 200
    assert (upstream.head.split(" ")[0], upstream.body) == (method, arrives)


def test_numbers_go_through_as_they_were_written(send, upstream):
    content = '{"fixed": [18.00, 12345678901234567890.123, 1E5, -0], "given": "{params.n}", "text": "{params.n0}"}'
    declared = {"n": {"type": "array", "items": {"type": "number"}}, "n0": {"type": "number"}}
    body = {"type": "json", "content": content}
    send(
        raw='{"n": [18.00, 99999999999999999999, 0.10, 1e2], "n0": 7.50}',
        parameters=declared,
        body=body,
        query=query("n", "{params.n}", style="comma"),
    )
    assert upstream.target == "/?n=18.00,99999999999999999999,0.10,1e2"
    assert upstream.body == (
        b'{"fixed": [18.00, 12345678901234567890.123, 1E5, -0], '
        b'"given": [18.00, 99999999999999999999, 0.10, 1e2], "text": 7.50}'
    )


def test_a_name_twice_in_arguments_is_told(send):
    answer = send(raw='{"a": 1, "a": 2}', parameters={"a": {"type": "integer"}})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")


RULES = {
    "date": ({"format": "date"}, "2026-02-30", "Give a date such as 2026-11-23."),
    "date-time": (
        {"format": "date-time"},
        "2026-11-23T09:20:00",
        "Give a time with its offset, such as 2026-11-23T09:20:00Z.",
    ),
    "email": ({"format": "email"}, "kim", "Give an e-mail address."),
    "uuid": ({"format": "uuid"}, "12", "Give a UUID such as 123e4567-e89b-12d3-a456-426614174000."),
    "uri": ({"format": "uri"}, "/a", "Give an absolute address such as https://example.com/a."),
    "ipv4": ({"format": "ipv4"}, "1.2.3", "Give an IPv4 address such as 192.0.2.1."),
    "pattern": ({"pattern": "^[A-Z]{2}$"}, "abc", "Match the pattern “^[A-Z]{2}$”."),
    "slow pattern": ({"pattern": "^(a+)+$"}, "a" * 5000 + "!", "Match the pattern “^(a+)+$”."),
    "unique": ({"type": "array", "uniqueItems": True}, [1, 1], "Give each entry once."),
    "minimum": ({"type": "number", "minimum": 2}, 1.50, "Use 2 or more."),
    "multiple": ({"type": "number", "multipleOf": 0.01}, 1.005, "Use a multiple of 0.01."),
}


@pytest.mark.parametrize(("rule", "given", "message"), RULES.values(), ids=RULES)
def test_an_argument_that_breaks_a_rule_is_named_with_what_would_do(send, rule, given, message):
    answer = send({"a": given}, {"a": rule}, body={"type": "json", "content": '{"a": "{params.a}"}'})
    assert answer.json()["errors"] == [{"field": "params.a", "message": message}]


GOOD = {
    "date": "2026-11-23",
    "date-time": "2026-11-23T09:20:00.5+01:00",
    "email": "kim@example.com",
    "time": "09:20:00Z",
    "uuid": "123e4567-e89b-12d3-a456-426614174000",
    "uri": "urn:a:b",
    "ipv6": "::1",
    "hostname": "a-b.example.com",
}


@pytest.mark.parametrize(("name", "given"), GOOD.items(), ids=GOOD)
def test_an_argument_of_a_format_is_taken(send, name, given):
    body = {"type": "json", "content": '{"a": "{params.a}"}'}
    assert send({"a": given}, {"a": {"type": "string", "format": name}}, body=body).status_code == 200


def test_what_agents_are_told_says_the_same(send, caller):
    created = send.create({"f": FILE, "b": {"format": "byte"}, "l": LIST}, body={"type": "none"}).json()
    (operation,) = caller.get(f"/integrations/{created['id']}/operations")["items"]
    told = operation["parameters"]["properties"]
    assert told["f"]["required"] == ["content"]
    assert set(told["f"]["properties"]) == {"content", "name", "media_type"}
    assert (told["b"], told["l"]) == ({"type": "string", "format": "byte", "contentEncoding": "base64"}, LIST)
    assert created["config"]["parameters"]["properties"]["f"] == FILE
