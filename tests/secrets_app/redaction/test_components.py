"""Which parts of a value are searched for on their own, and which are public."""

import json

import pytest

from secrets_app.redaction.components import components_of
from secrets_app.redaction.grams import is_strong
from tests.support.integrations.echoes import (
    BASIC,
    BASIC_PASSWORD,
    BEARER,
    JWT,
    PEM,
    SERVICE_ACCOUNT,
    TOKEN,
    URL,
    URL_PASSWORD,
)

BODY = "\n".join(PEM.splitlines()[1:-1])
CERTIFICATE = PEM.replace("PRIVATE KEY", "CERTIFICATE").replace("MIGH", "MIIC")
PUTTY = (
    "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: key\nPublic-Lines: 1\nAAAAC3NzaC1lZDI1NTE5\n"
    f"Private-Lines: 1\n{TOKEN}\nPrivate-MAC: 00ff\n"
)
PARTS = {
    "token": (f" {TOKEN}\n", [TOKEN]),
    "bearer": (BEARER, [BEARER.split()[1]]),
    "basic": (BASIC, [BASIC.split()[1], "deploy-user-01", BASIC_PASSWORD]),
    "PEM": (PEM, [BODY]),
    "private key with a certificate": (CERTIFICATE + PEM, [BODY]),
    "certificate alone": (CERTIFICATE, [BODY.replace("MIGH", "MIIC")]),
    "PuTTY": (PUTTY, [TOKEN]),
    "JWT": (JWT, [JWT.rsplit(".", 1)[1]]),
    "service account": (SERVICE_ACCOUNT, [BODY]),
    "JSON with a URL": (json.dumps({"database_url": URL, "name": "a public name"}), [URL_PASSWORD]),
    "JSON of public fields alone": ('{"type": "x"}', ['{"type": "x"}']),
    "no JSON": ("{no json but long", ["{no json but long"]),
    "URL with a password": (URL, [URL_PASSWORD]),
    "URL with a token": (f"https://e.example/hook?token={TOKEN}&id=123456789", [TOKEN.replace("+", " ")]),
    "URL without secrets": ("https://example.com/a/path", ["https://example.com/a/path"]),
    "PEM without an end": ("-----BEGIN KEY-----\n" * 3, [("-----BEGIN KEY-----\n" * 3).strip()]),
}


@pytest.mark.parametrize(("value", "parts"), PARTS.values(), ids=PARTS)
def test_parts_of_a_value(value, parts):
    assert [part.text for part in components_of(value)] == parts


def test_hostile_values_are_read_in_linear_time():
    for storm in ("-----BEGIN A-----", "a" * 70_000, "[" * 65_000, "https://" + "a@" * 32_000, "Basic " + "A" * 65_000):
        assert components_of(storm * (65_000 // len(storm) + 1))


@pytest.mark.parametrize(
    ("gram", "strong"),
    [
        ("a8Kf93Lm0Qzx", True),
        ("9f86d081884c", True),
        ("xqzjwvkbpmfg", True),
        ("aZbYcXdWeVfU", True),
        ("internationa", False),
        ("passwordword", False),
        ("123456789012", False),
        ("aaaabbbbcccc", False),
        ("MIIEvQIBADAN", False),
        ("eyJhbGciOiJI", False),
        ("b3BlbnNzaC1r", False),
    ],
)
def test_what_ordinary_text_and_other_keys_contain_is_not_strong(gram, strong):
    assert is_strong(gram) is strong
