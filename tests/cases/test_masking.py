"""Values that come back in another shape than they were sent: the whole, a part, or the token without its scheme."""

import base64
import json

import pytest

from tests.peers.upstreams import answering, http
from tests.support.things import make_action, store_secret

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("inline"), pytest.mark.sqlite]

KEY_LINES = ["MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj", "MzEfYyjiWA4R4/M2bS1GB4t7NXp98C3S"]
PEM = "-----BEGIN PRIVATE KEY-----\n" + "\n".join(KEY_LINES) + "\n-----END PRIVATE KEY-----\n"
ACCOUNT = {"type": "service_account", "refresh_token": "9f8e7d6c5b4a39281706", "private_key": PEM}
SERVICE_ACCOUNT = json.dumps(ACCOUNT, indent=2)
BEARER = "Bearer abcdefgh-123456"
URL = "postgres://app:Zt4-uu19Lk@db.example/app"

MASKED = {
    "G01": (SERVICE_ACCOUNT, json.dumps(ACCOUNT, sort_keys=True, separators=(",", ":"))),
    "G01-as-a-string": (SERVICE_ACCOUNT, json.dumps({"echo": json.dumps(ACCOUNT)})),
    "G01-base64": (SERVICE_ACCOUNT, base64.b64encode(json.dumps(ACCOUNT).encode()).decode()),
    "G02": (SERVICE_ACCOUNT, json.dumps({"private_key": PEM})),
    "G02-one-line": (SERVICE_ACCOUNT, f"bad key: {KEY_LINES[0]}"),
    "G02-other-field": (SERVICE_ACCOUNT, json.dumps({"error": f"key {ACCOUNT['refresh_token']} is revoked"})),
    "G02-nested": (json.dumps({"a": [{"token": "Qk29-uuX81zL"}]}), "Qk29-uuX81zL is no token"),
    "G02-line-of-a-pem": (PEM, f"could not parse {KEY_LINES[1]}"),
    "G02-password-of-a-url": (URL, 'password authentication failed for "Zt4-uu19Lk"'),
    "G04": ("tok-abcdef-123456\n", "tok-abcdef-123456 is unknown"),
    "G04-crlf": ("tok-abcdef-123456\r\n", '{"token": "tok-abcdef-123456"}'),
    "G04-blanks": (" tok-abcdef-123456 ", "tok-abcdef-123456 is unknown"),
    "G05": (BEARER, "unknown token abcdefgh-123456"),
    "G05-other-case": (BEARER, "unknown token ABCDEFGH-123456"),
    "G05-token": ("Token abcdefgh-123456", "unknown token abcdefgh-123456"),
    "G05-basic": ("Basic " + base64.b64encode(b"agent:Abcdefgh-123456").decode(), "no such login: Abcdefgh-123456"),
}


@pytest.mark.parametrize(("value", "answer"), MASKED.values(), ids=MASKED)
def test_no_part_of_a_value_comes_back(owner, caller, value, answer):
    store_secret(owner, value=value)
    with answering(lambda _, connection: connection.sendall(http(answer.encode()))) as url:
        body = {"type": "json", "content": '{"key": "{secrets.crm.apiKey}"}'}
        action = make_action(owner, uses="", base_url=url, method="POST", body=body)
        result = caller.call("POST", f"/integrations/{action.id}/run", {"environment": "staging"}).json()
    shown = json.dumps(result["body"])
    assert result["body_type"] == "withheld" or ("[redacted]" in shown and result["masked"] == ["crm.apiKey"])
    for part in (*KEY_LINES, ACCOUNT["refresh_token"], "Qk29-uuX81zL", "Zt4-uu19Lk", "abcdef-123456", "gh-123456"):
        assert part.lower() not in shown.lower()
