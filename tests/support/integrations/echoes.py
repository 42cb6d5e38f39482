"""How upstreams write a value back, done by other means than the code under test wherever there are any."""

import base64
import html
import json
from dataclasses import replace
from urllib.parse import quote, quote_plus

from secrets_app.plaintext import Plaintext
from secrets_app.redaction.redactor import Masked, Redactor

VALUE = "s3cr=T/+<k&y> \"q\" 'a' \\é~"


def redactor(*texts):
    return Redactor({f"name{at}": Plaintext(text) for at, text in enumerate(texts)})


def mask(guard: Redactor, text: str) -> Masked:
    """What becomes of a text in UTF-8, as text again."""
    masked = guard.mask_bytes(text.encode())
    return replace(masked, text=masked.text.decode("utf-8", "replace"))


def b64(text):
    return base64.b64encode(text.encode()).decode()


def in_units(text, template):
    units = text.encode("utf-16-be").hex()
    return "".join(template % int(units[at : at + 4], 16) for at in range(0, len(units), 4))


def in_bytes(text, template):
    return "".join(template % byte for byte in text.encode())


def in_characters(text, template):
    return "".join(template % ord(character) for character in text)


def lower_percent(text):
    return in_bytes(text, "%%%02x")


FORMS = {
    "raw": lambda text: text,
    "percent, nothing safe": lambda text: quote(text, safe=""),
    "percent, slash safe": quote,
    "percent, plus for space": quote_plus,
    "percent as encodeURI": lambda text: quote(text, safe=";,/?:@&=+$-_.!~*'()#"),
    "percent as encodeURIComponent": lambda text: quote(text, safe="-_.!~*'()"),
    "percent, every byte": lambda text: in_bytes(text, "%%%02X"),
    "percent, every byte in lower case": lower_percent,
    "percent, double": lambda text: quote(quote(text, safe=""), safe=""),
    "percent, double, every byte": lambda text: quote(in_bytes(text, "%%%02X"), safe=""),
    "percent, double, lower case": lambda text: quote(lower_percent(text), safe=""),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in UTF-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON with escaped slash": lambda text: json.dumps(text)[1:-1].replace("/", r"\/"),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
    "JSON in JSON in UTF-8": lambda text: json.dumps(json.dumps(text, ensure_ascii=False)[1:-1], ensure_ascii=False)[
        1:-1
    ],
    "JSON for HTML pages": lambda text: (
        json.dumps(text)[1:-1].replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")
    ),
    "JSON, every unit": lambda text: in_units(text, r"\u%04x"),
    "JSON, every unit in upper case": lambda text: in_units(text, r"\u%04X"),
    "byte escapes": lambda text: in_bytes(text, r"\x%02x"),
    "byte escapes in upper case": lambda text: in_bytes(text, r"\x%02X"),
    "HTML": html.escape,
    "HTML without quotes": lambda text: html.escape(text, quote=False),
    "HTML, decimal": lambda text: in_characters(text, "&#%d;"),
    "HTML, hexadecimal": lambda text: in_characters(text, "&#x%x;"),
    "HTML, hexadecimal in upper case": lambda text: in_characters(text, "&#x%X;"),
    "base64": b64,
    "base64 without padding": lambda text: b64(text).rstrip("="),
    "base64 of text at offset 1": lambda text: b64(f"x{text}tail"),
    "base64 of text at offset 2": lambda text: b64(f"xy{text}tail"),
    "base64 of text at offset 3": lambda text: b64(f"xyz{text}tail"),
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64url of text at offset 1": lambda text: base64.urlsafe_b64encode(f"x{text}tail".encode()).decode(),
    "base64url of text at offset 2": lambda text: base64.urlsafe_b64encode(f"xy{text}tail".encode()).decode(),
    "base64 of base64": lambda text: b64(b64(text)),
    "base64 of base64 at offset 1": lambda text: b64("x" + b64(f"y{text}")),
    "base64 of base64 at offset 2": lambda text: b64("xy" + b64(f"yz{text}")),
    "base64 of a Basic credential": lambda text: b64(f"user:{text}"),
    "hex": lambda text: text.encode().hex(),
    "hex in upper case": lambda text: text.encode().hex().upper(),
    "hex with colons": lambda text: text.encode().hex(":"),
    "hex with colons in upper case": lambda text: text.encode().hex(":").upper(),
    "reversed": lambda text: text[::-1],
    "UTF-16 little-endian": lambda text: text.encode("utf-16-le").decode("latin-1"),
    "UTF-16 big-endian": lambda text: text.encode("utf-16-be").decode("latin-1"),
}  # the two UTF-16 entries are right for ASCII texts alone, as text; the bytes have a test of their own
