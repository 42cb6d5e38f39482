"""What looks like a credential, and what does not."""

import base64
import random

import pytest

from integrations.paste_guard import credentials

B62 = "Zq3xK9dT0pLr7WmB2nYc4VhG8sJf5aEu"
HEX = "9f86d081884c7d659a2feaa0c55ad015"
BEGIN = "-----BEGIN RSA PRIVATE KEY-----"
LOOKS = {
    "an OpenAI API key": [f"sk-proj-{B62}", f"sk-{B62}"],
    "an Anthropic API key": [f"sk-ant-api03-{B62}"],
    "a Stripe key": [f"sk_live_{B62}", f"rk_test_{B62}"],
    "a Stripe webhook secret": [f"whsec_{B62}"],
    "an ElevenLabs API key": [f"sk_{HEX}{HEX[:16]}"],
    "a GitHub token": [f"ghp_{B62}", f"github_pat_{B62}"],
    "a GitLab token": [f"glpat-{B62}"],
    "a Slack token": [f"xoxb-123456789012-{B62}"],
    "an AWS access key": ["AKIAIOSFODNN7EXAMPLE"],
    "a Google API key": [f"AIza{B62}abc"],
    "a HubSpot token": ["pat-eu1-550e8400-e29b-41d4-a716-446655440000"],
    "a SendGrid API key": [f"SG.{B62[:22]}.{B62}"],
    "a Twilio API key": [f"SK{HEX}"],
    "a Telnyx API key": [f"KEY0187{B62[:20]}_{B62[:22]}"],
    "a Cal.com API key": [f"cal_live_{HEX}"],
    "a Coffer API key": [f"cof_{B62}{B62[:29]}"],
    "a JSON Web Token": ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"],
    "a private key": [
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow==\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----",
    ],
    "a long random token": [B62, HEX, base64.b64encode(bytes(range(7, 39))).decode()],
}


@pytest.mark.parametrize(("looks_like", "text"), [(look, text) for look, texts in LOOKS.items() for text in texts])
def test_a_credential_is_found_whole(looks_like, text):
    found = credentials.find(f"before {text} after")
    assert [(f"before {text} after"[each.start : each.end], each.looks_like) for each in found] == [(text, looks_like)]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("https://agent:hunter22@api.example.com/v1", "hunter22"),
        (f"https://hooks.slack.com/services/T0001/B0002/{B62}", B62),
        ("Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA=="),
        ('{"user": "a", "password": "hunter2222"}', "hunter2222"),
        ("api_key='hunter2222'", "hunter2222"),
    ],
)
def test_of_a_longer_text_only_the_credential_is_found(text, part):
    assert [text[each.start : each.end] for each in credentials.find(text)] == [part]


@pytest.mark.parametrize(
    "under", ["X-Api-Key", "api_key", "apiKey", "Authorization", "X-Auth-Token", "password", "key"]
)
@pytest.mark.parametrize("text", ["hunter22", "Bearer hunter22", "550e8400-e29b-41d4-a716-446655440000"])
def test_under_a_telling_name_a_short_word_is_one(under, text):
    assert [text[each.start : each.end] for each in credentials.find(text, under=under)] == [text.split()[-1]]


@pytest.mark.parametrize(
    ("under", "text"),
    [
        ("path", "/v1/organizations/{id}/appointments/2024-11-20/available-slots"),
        ("path", "/2010-04-01/Accounts/AC" + HEX + "/Messages.json"),
        ("path", "/v1/contacts/550e8400-e29b-41d4-a716-446655440000"),
        ("Accept", "application/vnd.github.raw+json; version=2022-11-28"),
        ("cal-api-version", "2024-08-13"),
        ("User-Agent", "HarborClinicsReceptionAgent/2.14.3 (production; eu-central-1)"),
        ("content", '{"name": "getCustomerByIdAndOrganization2024v2", "token": "{secrets.crm.token}"}'),
        ("grant_type", "client_credentials"),
        ("Authorization", "Bearer "),
        ("X-Api-Key", "changeme"),
        ("description", "Asks the caller for the password that they chose in 2019, and repeats it."),
        ("base_url", "https://very-long-host-name-of-a-customer-0123456789.example.com/api/v2"),
    ],
)
def test_ordinary_text_is_none(under, text):
    assert credentials.find(text, under=under) == []


def test_random_tokens_are_nearly_all_found():
    source = random.Random(7)
    tokens = ["".join(source.choices(B62 + HEX, k=32)) for _ in range(500)]
    assert sum(bool(credentials.find(token)) for token in tokens) > 450
