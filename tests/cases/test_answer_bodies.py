"""What servers answer: texts, media types and numbers, as a run of the API passes them on."""

import base64
import json

import pytest

from tests.peers.upstreams import answering, http
from tests.support.databases.undone import failures
from tests.support.things import VALUE, make_action, store_secret

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("inline"), pytest.mark.sqlite]

HOURS = "Öffnungszeiten \u2013 9 bis 17 Uhr"
UMLAUT = "Grüße-0815-Überall"
LINES = b'{"a": 1}\r\n\n{"b": 2.50}\n'
SEQUENCE = b'\x1e{"a": 1}\n\x1e[2]\n'
XML = '<?xml version="1.0" encoding="{}"?><a>ü</a>'
ULAW = b"\x7f" * 160
SILENCE = b"\x00" * 320


@pytest.fixture
def ran(owner, caller):
    """Runs an action through the API against this answer: the members of the result, and its text."""

    def run(body, media, value=VALUE, **config):
        store_secret(owner, value=value)
        headers = [{"name": "X-Key", "value": "{secrets.crm.apiKey}"}] if value.isascii() else []
        sent = {"headers": headers} if headers else {"body": {"type": "text", "content": "{secrets.crm.apiKey}"}}
        with answering(lambda _, connection: connection.sendall(answer(body, media))) as url:
            action = make_action(owner, uses="", base_url=url, method="POST", timeout_seconds=10, **sent, **config)
            response = caller.call("POST", f"/integrations/{action.id}/run", {"environment": "staging"})
        return response.json(), response.content.decode()

    return run


def answer(body, media):
    return http(body, headers=(f"Content-Type: {media}",) if media else ())


TEXTS = {
    "H01": (b"\xef\xbb\xbf" + b'{"ok":true}', "application/json", {"ok": True}),
    "H01-no-type": (b"\xef\xbb\xbf[1]", "", [1]),
    "H01-text": (b"\xef\xbb\xbffine", "text/plain; charset=utf-8", "fine"),
    "H01-utf-16": (b"\xff\xfe" + '{"ü": 1}'.encode("utf-16-le"), "application/json", {"ü": 1}),
    "H01-utf-16-be": (b"\xfe\xff" + HOURS.encode("utf-16-be"), "text/plain", HOURS),
    "H01-utf-16-without-mark": ('{"ü": 1}'.encode("utf-16-le"), "application/json", {"ü": 1}),
    "H34": (HOURS.encode("cp1252"), "text/plain; charset=windows-1252", HOURS),
    "H34-said-to-be-latin-1": (HOURS.encode("cp1252"), 'text/html; charset="ISO-8859-1"', HOURS),
    "H34-latin-1": (b"\x81\xe9", "text/plain; charset=latin1", "\x81é"),
    "H34-json": ('{"a": "ü"}'.encode("latin-1"), "application/json; charset=iso-8859-1", {"a": "ü"}),
    "H34-json-in-utf-8-whatever-it-says": ('{"a":"ü"}'.encode(), "application/json; charset=iso-8859-1", {"a": "ü"}),
    "H34-8859-15": ("1 €".encode("iso8859-15"), "text/plain;charset=ISO-8859-15", "1 €"),
    "H34-8859-2": ("Łódź".encode("iso8859-2"), "text/plain; Charset=iso_8859-2", "Łódź"),
    "H34-koi8": ("привет".encode("koi8-r"), "text/plain; charset=KOI8-R", "привет"),
    "H34-1251": ("привет".encode("cp1251"), "text/plain; charset=cp1251", "привет"),
    "H34-shift-jis": ("営業時間①".encode("cp932"), "text/plain; charset=Shift_JIS", "営業時間①"),
    "H34-euc-jp": ("営業時間".encode("euc_jp"), "text/plain; charset=EUC-JP", "営業時間"),
    "H34-gbk": ("营业时间".encode("gbk"), "text/plain; charset=gb2312", "营业时间"),
    "H34-big5": ("營業時間".encode("big5"), "text/plain; charset=Big5", "營業時間"),
    "H34-euc-kr": ("영업시간".encode("cp949"), "text/plain; charset=EUC-KR", "영업시간"),
    "H34-xml": (XML.format("ISO-8859-1").encode("latin-1"), "application/xml", XML.format("ISO-8859-1")),
    "H34-html": (b'<meta charset="windows-1251">\xef', "text/html", '<meta charset="windows-1251">п'),
    "H34-false-label": ("ü!".encode(), "text/plain; charset=utf-16", "ü!"),
    "H34-unknown-label": ("ü".encode(), "text/plain; charset=wtf-8", "ü"),
    "H34-utf-7-is-not-read": (b"+AOk-", "text/plain; charset=utf-7", "+AOk-"),
    "H34-escapes-are-not-read": (b"\x1b$B1D6H", "text/plain; charset=iso-2022-jp", "\x1b$B1D6H"),
    "H13": (LINES, "application/x-ndjson", [{"a": 1}, {"b": 2.5}]),
    "H13-one-line": (b'{"a": 1}', "application/ndjson; charset=utf-8", [{"a": 1}]),
    "H13-jsonl": (b"1\n2", "application/jsonl", [1, 2]),
    "H13-sequence": (SEQUENCE, "application/json-seq", [{"a": 1}, [2]]),
    "H13-a-line-that-is-not-json": (b'{"a": 1}\n{"b', "application/x-ndjson", '{"a": 1}\n{"b'),
    "H13-nothing": (b"", "application/x-ndjson", ""),
    "H13-events": (b'data: {"a": 1}\n\n', "text/event-stream", 'data: {"a": 1}\n\n'),
}


def test_a_text_is_read_in_its_character_set(ran):
    def attempt(case):
        body, media, shown = TEXTS[case]
        result, _ = ran(body, media)
        assert (result["body"], result["body_type"]) == (shown, "text" if isinstance(shown, str) else "json"), result

    assert failures(TEXTS, attempt) == {}


ECHOES = {
    "utf-16": (b"\xff\xfe" + f"<{VALUE}>".encode("utf-16-le"), "text/plain", VALUE),
    "utf-16-be": (b"\xfe\xff" + f"<{VALUE}>".encode("utf-16-be"), "text/plain", VALUE),
    "utf-16, undeclared": (f"<{VALUE}>".encode("utf-16-be"), "text/plain", VALUE),
    "mark": (f"\ufeff<{VALUE}>".encode(), "text/plain", VALUE),
    "latin-1": (f"<{UMLAUT}>".encode("latin-1"), "text/plain; charset=latin-1", UMLAUT),
    "windows-1251 that is UTF-8": (f"<{UMLAUT}>".encode(), "text/plain; charset=windows-1251", UMLAUT),
    "both": (f"{UMLAUT}".encode() + UMLAUT.encode("latin-1"), "text/plain; charset=latin-1", UMLAUT),
    "macintosh": (f"<{UMLAUT}>".encode("mac-roman"), "text/plain; charset=macintosh", UMLAUT),
    "escaped JSON in latin-1": (b'{"\xfc": "\\u0063' + VALUE[1:].encode() + b'"}', "text/json; charset=latin1", VALUE),
}


def test_a_value_shows_in_no_character_set(ran):
    def attempt(case):
        body, media, value = ECHOES[case]
        result, _ = ran(body, media, value)
        assert result["body_type"] == "withheld" or "[redacted]" in result["body"], result
        assert result["masked"] == ["crm.apiKey"]
        for codec in ("utf-8", "latin-1", "cp1251"):
            assert value not in str(result["body"]).encode("latin-1", "replace").decode(codec, "replace")

    assert failures(ECHOES, attempt) == {}


BINARY = {
    "H07": (bytes(range(256)) * 160, "audio/mpeg"),
    "H07-silence": (ULAW, "audio/basic"),
    "H07-silence-of-16-bits": (SILENCE, "Audio/L16; rate=8000"),
    "H07-image-in-ascii": (b"GIF89a", "image/gif"),
    "H07-image-like-a-byte-order-mark": (b"\xff\xfe\x00\x01", "image/x-raw"),
    "H07-pdf": (b"%PDF-1.4 of ASCII", "application/pdf"),
    "H07-file": (b"{}", "application/octet-stream"),
    "H07-sheet": (b"PK", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "H07-font": (b"wOF2", "font/woff2"),
}


@pytest.mark.parametrize(("body", "media"), BINARY.values(), ids=BINARY)
def test_the_media_type_says_what_is_no_text(body, media, ran):
    result, _ = ran(body, media)
    assert (result["body_type"], base64.b64decode(result["body"])) == ("base64", body)
    assert result["media_type"] == media.partition(";")[0].lower()


@pytest.mark.parametrize("media", ["image/svg+xml", "application/problem+json", "text/csv", "application/xml"])
def test_h07_texts_of_other_types_stay_text(media, ran):
    result, _ = ran(b"<svg/>", media)
    assert (result["body"], result["body_type"], result["media_type"]) == ("<svg/>", "text", media)


@pytest.mark.parametrize("media", ["", "audio", f"text/{VALUE}", "text/plain\xff/x"])
def test_a_media_type_that_is_none_is_null(media, ran):
    assert ran(b"fine", media)[0]["media_type"] is None


NUMBERS = {
    "H12": '{"price": 18.00, "big": 12345678901234567890.123}',
    "H12-exponents": '{"a": [1E400, -1e-400, 1.5e+3, 1.50E2, 0.10]}',
    "H12-minus-nought": '[-0, -0.0, {"a": -0.00}]',
    "H12-lines": '[{"a": 1.10}, {"b": "ü"}]',
    "H11": '{"id": 653247040368672768, "more": 123456789012345678901234567890}',
}


@pytest.mark.parametrize("body", NUMBERS.values(), ids=NUMBERS)
def test_numbers_are_passed_on_as_sent(body, ran):
    result, text = ran(body.encode(), "application/json")
    ascii_text = body.replace("ü", "\\u00fc")
    assert result["body_type"] == "json"
    assert f'"body": {body}' in text or f'"body": {ascii_text}' in text, text


def test_h12_chosen_fields_keep_their_numbers(ran):
    returns = {"type": "fields", "expression": "{price: price, most: max(all), n: length(all)}"}
    _, text = ran(b'{"price": 18.00, "all": [1.10, 2.50], "left": 1.0}', "application/json", returns=returns)
    assert '"body": {"price": 18.00, "most": 2.50, "n": 2}' in text


def test_h12_a_sum_beyond_json_is_withheld(ran):
    result, _ = ran(b"[1e400, 1]", "application/json", returns={"type": "fields", "expression": "sum(@)"})
    assert (result["body"], result["withheld"]["code"]) == (None, "not_json")


def test_h12_a_name_that_stands_twice_leaves_the_text(ran):
    result, _ = ran(b'{"a": 1, "b": {"c": 1, "c": 2}}', "application/json")
    assert (result["body"], result["body_type"]) == ('{"a": 1, "b": {"c": 1, "c": 2}}', "text")


def test_h12_the_text_of_the_result_is_json_whatever_the_names_are(ran):
    result, text = ran(b'{"\\"body\\": null": 1.0, "body": 1.50}', "application/json")
    assert json.loads(text)["body"] == result["body"] == {'"body": null': 1.0, "body": 1.5}
