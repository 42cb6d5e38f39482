"""How upstreams return values, written by other means than the code under test wherever there are any."""

import base64
import gzip
import html
import json
import quopri
import zlib
from collections.abc import Callable
from urllib.parse import quote, quote_plus

from secrets_app.plaintext import Plaintext
from secrets_app.redaction.redactor import Masked, Redactor

TOKEN = "sk-live-4fG7hJ2kLm9Qw3Er+TyU/iOpAsD8zXcV"
UUID = "7d44ae21-9c3b-4f0e-8b65-d1a90fe7c382"
HEX = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c"
PASSWORD = "s3cr=T/+<k&y> \"q\" 'a' \\é~"
WORDS = "correct horse battery"
BEARER = "Bearer Zk3vQ8pLx2Wn7Rt5Yb1Hd9Mc4Gf6"
BASIC_PASSWORD = "Vb7-nQ2.xL9_wK4tPz"
BASIC = "Basic " + base64.b64encode(f"deploy-user-01:{BASIC_PASSWORD}".encode()).decode()
URL = "postgres://app:Hd7sK2pQ9xWv3Zb8@db.example.com:5432/prod"
URL_PASSWORD = "Hd7sK2pQ9xWv3Zb8"
PEM = (
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2\n"
    "OF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r\n"
    "1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G\n"
    "-----END PRIVATE KEY-----\n"
)
SERVICE_ACCOUNT = json.dumps(
    {"type": "service_account", "project_id": "example", "client_email": "a@example.com", "private_key": PEM}
)
JWT = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIn0"
    ".dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
)

Write = Callable[[str], str]


def redactor(*texts: str) -> Redactor:
    return Redactor({f"name{at}": Plaintext(text) for at, text in enumerate(texts)})


def mask(guard: Redactor, text: str | bytes) -> Masked:
    return guard.mask_bytes(text if isinstance(text, bytes) else text.encode())


def b64(text: str | bytes) -> str:
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def in_units(text: str, template: str) -> str:
    units = text.encode("utf-16-be").hex()
    return "".join(template % int(units[at : at + 4], 16) for at in range(0, len(units), 4))


def in_bytes(text: str, template: str) -> str:
    return "".join(template % byte for byte in text.encode())


def in_characters(text: str, template: str) -> str:
    return "".join(template % ord(character) for character in text)


def wrapped(text: str, width: int, end: str) -> str:
    return end.join(text[at : at + width] for at in range(0, len(text), width))


WRITTEN: dict[str, Write] = {
    "as it is": lambda text: text,
    "in upper case": str.upper,
    "in lower case": str.lower,
    "percent, nothing safe": lambda text: quote(text, safe=""),
    "percent, slash safe": quote,
    "percent, plus for space": quote_plus,
    "percent as encodeURI": lambda text: quote(text, safe=";,/?:@&=+$-_.!~*'()#"),
    "percent as encodeURIComponent": lambda text: quote(text, safe="-_.!~*'()"),
    "percent, every byte": lambda text: in_bytes(text, "%%%02X"),
    "percent, every byte in lower case": lambda text: in_bytes(text, "%%%02x"),
    "percent, one byte": lambda text: f"%{ord(text[0]):02x}{text[1:]}",
    "percent, two layers": lambda text: quote(in_bytes(text, "%%%02X"), safe=""),
    "percent, three layers": lambda text: quote(quote(in_bytes(text, "%%%02x"), safe=""), safe=""),
    "percent with u": lambda text: in_units(text, "%%u%04X"),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in UTF-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON with escaped slash": lambda text: json.dumps(text)[1:-1].replace("/", r"\/"),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
    "JSON in JSON in JSON": lambda text: json.dumps(json.dumps(json.dumps(text)))[1:-1],
    "JSON for HTML pages": lambda text: (
        json.dumps(text)[1:-1].replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")
    ),
    "JSON, every unit": lambda text: in_units(text, r"\u%04x"),
    "JSON, every unit in upper case": lambda text: in_units(text, r"\u%04X"),
    "JSON, one unit": lambda text: f"\\u{ord(text[0]):04x}{text[1:]}",
    "JavaScript code points": lambda text: in_characters(text, r"\u{%x}"),
    "Python code points": lambda text: in_characters(text, r"\U%08x"),
    "byte escapes": lambda text: in_bytes(text, r"\x%02x"),
    "byte escapes in upper case": lambda text: in_bytes(text, r"\x%02X"),
    "octal escapes": lambda text: in_bytes(text, r"\%03o"),
    "CSS escapes": lambda text: in_characters(text, "\\%x "),
    "HTML": html.escape,
    "HTML without quotes": lambda text: html.escape(text, quote=False),
    "HTML, decimal": lambda text: in_characters(text, "&#%d;"),
    "HTML, hexadecimal": lambda text: in_characters(text, "&#x%x;"),
    "HTML, hexadecimal in upper case": lambda text: in_characters(text, "&#X%X;"),
    "HTML, one character": lambda text: f"&#{ord(text[0])};{text[1:]}",
    "HTML with tags": lambda text: wrapped(text, 5, "<wbr>"),
    "HTML in percent": lambda text: quote(in_characters(text, "&#%d;"), safe=""),
    "JSON in HTML": lambda text: in_characters(in_units(text, r"\u%04x"), "&#%d;"),
    "percent in JSON": lambda text: in_units(quote(text, safe=""), r"\u%04x"),
    "base64": b64,
    "base64 without padding": lambda text: b64(text).rstrip("="),
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 of text, offset 1": lambda text: b64(f"x{text}tail"),
    "base64 of text, offset 2": lambda text: b64(f"xy{text}tail"),
    "base64url of text, offset 1": lambda text: base64.urlsafe_b64encode(f"x{text}tail".encode()).decode(),
    "base64 of base64": lambda text: b64(b64(text)),
    "base64 of base64 of base64": lambda text: b64(b64(b64(text))),
    "base64 of base64, offset 1": lambda text: b64("x" + b64(f"y{text}")),
    "base64 of JSON": lambda text: b64(json.dumps({"a": text})),
    "base64 of a credential": lambda text: b64(f"user:{text}"),
    "base64 of UTF-16": lambda text: b64(text.encode("utf-16-le")),
    "base64 of gzip": lambda text: b64(gzip.compress(text.encode())),
    "base64 of zlib": lambda text: b64(zlib.compress(text.encode())),
    "base64 in lines": lambda text: wrapped(b64(text * 2), 76, "\r\n"),
    "base64 in short lines": lambda text: wrapped(b64(text), 16, "\n"),
    "base64 in lines in JSON": lambda text: wrapped(b64(text), 20, r"\n"),
    "base64 in percent": lambda text: in_bytes(b64(text), "%%%02x"),
    "base64 behind other letters": lambda text: f"key{b64(text)}",
    "hex": lambda text: text.encode().hex(),
    "hex in upper case": lambda text: text.encode().hex().upper(),
    "hex with colons": lambda text: text.encode().hex(":"),
    "hex with spaces": lambda text: text.encode().hex(" "),
    "hex with 0x": lambda text: in_bytes(text, "0x%02x, "),
    "hex of UTF-16": lambda text: text.encode("utf-16-be").hex(),
    "decimal numbers": lambda text: str(list(text.encode())),
    "decimal numbers with spaces": lambda text: " ".join(map(str, text.encode())),
    "UTF-16 little-endian": lambda text: text.encode("utf-16-le").decode("latin-1"),
    "UTF-16 big-endian": lambda text: text.encode("utf-16-be").decode("latin-1"),
    "full-width": lambda text: "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text),
    "quoted-printable": lambda text: quopri.encodestring(text.encode(), quotetabs=True).decode(),
    "quoted-printable in lines": lambda text: wrapped(text, 9, "=\r\n"),
    "event stream": lambda text: wrapped(f"data: {text}", 14, "\ndata: "),
    "spaced": " ".join,
    "one character a line": "\r\n".join,
    "zero-width spaces": "\u200b".join,
    "byte order marks": "\ufeff".join,
    "soft hyphens": "\u00ad".join,
    "with hyphens": lambda text: wrapped(text, 4, "-"),
    "without hyphens": lambda text: text.replace("-", ""),
    "without its first character": lambda text: text[1:],
    "without its last character": lambda text: text[:-1],
    "its second half": lambda text: text[len(text) // 3 :],
    "doubled": lambda text: text + text,
    "in other text": lambda text: f"a{text}b",
    "diff of lines": lambda text: wrapped(text, 10, "\n+ "),
}
"""Ways in which an upstream writes a value."""

PARTS = {
    "the token behind Bearer": (BEARER, BEARER.split()[1]),
    "the user of Basic": (BASIC, "deploy-user-01"),
    "the password of Basic": (BASIC, BASIC_PASSWORD),
    "the private key of a service account": (SERVICE_ACCOUNT, PEM),
    "the private key as JSON": (SERVICE_ACCOUNT, json.dumps(PEM)),
    "a line of a PEM": (PEM, PEM.splitlines()[2]),
    "a PEM in one line": (PEM, PEM.replace("\n", " ")),
    "a PEM with other line breaks": (PEM, PEM.replace("\n", "\r\n")),
    "the body of a PEM": (PEM, "".join(PEM.splitlines()[1:-1])),
    "the signature of a JWT": (JWT, JWT.rsplit(".", 1)[1]),
    "a JWT": (JWT, JWT),
    "the password of a URL": (URL, URL_PASSWORD),
    "a UUID without hyphens": (UUID, UUID.replace("-", "")),
    "a UUID in upper case": (UUID, UUID.upper()),
    "hexadecimal in upper case": (HEX, HEX.upper()),
}
"""A stored value, and the part of it or the spelling that an upstream returns."""
