"""curl commands as documentation and browsers give them."""

import pytest

from integrations.importing.drafts import NotReadable
from integrations.importing.reading import read_draft

CREDENTIAL = "sk_live_4fG7hJ2kLm9Qw3Er"


def drafted(command):
    draft = read_draft(command)
    return draft, draft.build(draft.outlines[0])


def test_examples_become_defaults_and_credentials_secrets():
    draft, action = drafted(
        f"""$ curl -sS -X POST 'https://api.example.com/v1/contacts?notify=true&limit=5' \\
          -H "Authorization: Bearer {CREDENTIAL}" -H 'Content-Type: application/json' -H 'X-Api-Version: 7' \\
          --data-raw '{{"name": "Jo", "tags": ["a"], "apiKey": "{CREDENTIAL}x9"}}' --max-time 30 -L"""
    )
    config = action.config
    assert (draft.form, draft.addresses) == ("curl", ["https://api.example.com"])
    assert (config["method"], config["path"], config["timeout_seconds"]) == ("POST", "/v1/contacts", 30)
    assert config["follow_redirects"] is True
    assert config["parameters"]["properties"] == {
        "notify": {"type": "boolean", "default": True},
        "limit": {"type": "integer", "default": 5},
        "name": {"type": "string", "default": "Jo"},
        "tags": {"type": "array", "default": ["a"]},
    }
    assert [entry["name"] for entry in config["headers"]] == ["X-Api-Version"]
    assert '"apiKey": "{secrets.example.' in config["body"]["content"]
    assert draft.schemes["Header Authorization"].config["token"] == "{secrets.example.token}"
    assert action.problem == ""
    assert CREDENTIAL not in repr((draft, action))


@pytest.mark.parametrize(
    ("command", "needs", "body"),
    [
        ("curl -u sk_test_abc123def456: https://api.example.com/v1/charges -d amount=5", 1, "form"),
        ("curl https://api.example.com/upload -F file=@a.wav -F model=whisper-1", 0, "multipart"),
        ('curl "https://api.example.com/x" -H "X-Api-Key: $API_KEY" --json \'{"a": 1}\'', 1, "json"),
        ("curl https://api.example.com/x --data-binary @a.bin", 0, "binary"),
        ('curl.exe ^\n  ^"https://api.example.com/x^"', 0, "none"),
        ("curl -G https://api.example.com/search --data-urlencode 'q=a+b c'", 0, "none"),
    ],
)
def test_ways_to_write_it(command, needs, body):
    _, action = drafted(command)
    assert (len(action.needs), action.config["body"]["type"], action.problem) == (needs, body, "")


def test_data_for_the_query_keeps_its_signs():
    _, action = drafted("curl -G https://api.example.com/search --data-urlencode 'q=a+b c'")
    assert action.config["parameters"]["properties"]["q"]["default"] == "a+b c"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("curl https://api.example.com/x | jq .", "this runs something else too"),
        ("curl 'https://api.example.com/x", "a quote is not closed"),
        ("curl https://a.example.com https://b.example.com", "several addresses"),
        ("curl https://a.example.com --proxy http://p", "--proxy cannot be imported"),
        ("curl https://a.example.com --frobnicate", "--frobnicate is not known"),
        ("curl https://a.example.com -d @body.json", "Paste the text in place of @"),
        ("curl -X BREW https://a.example.com", "BREW is not supported"),
        ("curl $(cat url)", "the output of another command"),
    ],
)
def test_what_an_action_cannot_do_is_refused(command, said):
    with pytest.raises(NotReadable) as refusal:
        read_draft(command)
    assert said in refusal.value.errors[0].message
