"""Collections of Postman: folders, variables and authorizations; credentials in them become secrets."""

import json

import pytest

from integrations.importing.drafts import NotReadable
from integrations.importing.reading import read_draft

CREDENTIAL = "sk_live_4fG7hJ2kLm9Qw3Er"
SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"


def written(secret):
    """The credential as it stood in the text; empty if none did."""
    return secret.value.expose() if secret.value is not None else ""


def request(url="{{baseUrl}}/contacts/:id", method="GET", **more):
    return {"method": method, "url": {"raw": url, **more.pop("parts", {})}, **more}


def collection(*items, **more):
    variables = [{"key": "baseUrl", "value": "https://api.clinic.example.com/v2"}, {"key": "region", "value": "eu"}]
    return {"info": {"name": "Clinic CRM", "schema": SCHEMA}, "item": list(items), "variable": variables, **more}


def drafted(*items, **more):
    draft = read_draft(json.dumps(collection(*items, **more)))
    return draft, [draft.build(each) for each in draft.outlines]


def test_folders_variables_and_path_variables():
    parts = {"query": [{"key": "limit", "value": "10"}, {"key": "old", "value": "1", "disabled": True}]}
    one = {"name": "Get a contact", "description": "Of the clinic", "request": request(parts=parts)}
    draft, actions = drafted({"name": "Contacts", "item": [one]}, {"name": "Ping", "request": "{{baseUrl}}/ping"})
    assert (draft.form, draft.title, draft.addresses) == ("Postman", "Clinic CRM", ["https://api.clinic.example.com"])
    assert [(each.key, each.name, each.tags) for each in draft.outlines] == [
        ("GET /v2/contacts/:id", "Get a contact", ("Contacts",)),
        ("GET /v2/ping", "Ping", ()),
    ]
    config = actions[0].config
    assert (config["path"], config["query"]) == (
        "/v2/contacts/{params.id}", [{"name": "limit", "value": "{params.limit}"}],
    )  # fmt: skip
    assert config["parameters"] == {
        "type": "object",
        "properties": {"id": {"type": "string"}, "limit": {"type": "integer", "default": 10}},
        "required": ["id"],
    }
    assert actions[0].description == "Get a contact. Of the clinic."
    assert {each.problem for each in actions} == {""}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"mode": "raw", "raw": '{"name": "Jo", "region": "{{region}}"}'}, "json"),
        ({"mode": "urlencoded", "urlencoded": [{"key": "name", "value": "Jo"}]}, "form"),
        ({"mode": "formdata", "formdata": [{"key": "file", "type": "file", "src": "/a"}]}, "multipart"),
        ({"mode": "graphql", "graphql": {"query": "{ contacts { id } }", "variables": ""}}, "json"),
        ({"mode": "raw", "raw": "<a/>", "options": {"raw": {"language": "xml"}}}, "text"),
        ({"mode": "file", "file": {"src": "/a"}}, "binary"),
        ({}, "none"),
    ],
)
def test_bodies(body, expected):
    _, (action,) = drafted({"name": "Create", "request": request("{{baseUrl}}/contacts", "POST", body=body)})
    assert (action.config["body"]["type"], action.problem) == (expected, "")


@pytest.mark.parametrize(
    ("auth", "config", "values"),
    [
        (
            {"type": "bearer", "bearer": [{"key": "token", "value": CREDENTIAL}]},
            {"type": "bearer", "token": "{secrets.clinic.token}"},
            [CREDENTIAL],
        ),
        (
            {"type": "bearer", "bearer": {"token": "{{token}}"}},
            {"type": "bearer", "token": "{secrets.clinic.token}"},
            [""],
        ),
        (
            {"type": "apikey", "apikey": [{"key": "key", "value": "X-Key"}, {"key": "value", "value": CREDENTIAL}]},
            {"type": "api_key", "in": "header", "name": "X-Key", "value": "{secrets.clinic.xKey}"},
            [CREDENTIAL],
        ),
        ({"type": "awsv4", "awsv4": []}, {}, []),
    ],
)
def test_authorizations(auth, config, values):
    draft, (action,) = drafted({"name": "Get", "request": request()}, auth=auth)
    (scheme,) = draft.schemes.values()
    assert (scheme.config, [written(each) for each in scheme.secrets]) == (config, values)
    assert action.needs == (scheme.key,)
    assert bool(scheme.problem) is not bool(config)


def test_credentials_in_headers_and_variables_are_secrets():
    header = [{"key": "Authorization", "value": f"Bearer {CREDENTIAL}"}, {"key": "X-Region", "value": "{{region}}"}]
    noauth = {"name": "Other", "request": request("{{baseUrl}}/other?api_key={{apiKey}}", auth={"type": "noauth"})}
    one = {"name": "Get", "request": request(header=header)}
    more = {"variable": [*collection()["variable"], {"key": "apiKey", "value": "another-credential-77"}]}
    draft, (first, second) = drafted(one, noauth, **more)
    assert draft.schemes["Header Authorization"].config == {"type": "bearer", "token": "{secrets.clinic.token}"}
    assert first.config["headers"] == [{"name": "X-Region", "value": "{params.region}"}]
    assert second.config["query"] == [{"name": "api_key", "value": "{secrets.clinic.apiKey}"}]
    assert [written(each) for each in second.secrets] == ["another-credential-77"]
    assert CREDENTIAL not in repr([draft, first, second])


def test_requests_alike_and_requests_elsewhere():
    same = {"name": "Again", "request": request()}
    other = {"name": "Elsewhere", "request": request("https://other.example.com/x")}
    draft, actions = drafted({"name": "Get", "request": request()}, same, other)
    assert [each.key for each in draft.outlines] == [
        "GET /v2/contacts/:id", "GET /v2/contacts/:id (Again)", "GET /x",
    ]  # fmt: skip
    assert [each.address for each in actions] == ["", "", "https://other.example.com"]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (collection(), "The collection has no requests."),
        ({"id": "x", "requests": [], "order": []}, "Export the collection as Collection v2.1"),
        (collection(*[{"request": "https://example.com"}] * 2001), "There are more than 2,000 requests."),
    ],
)
def test_what_cannot_be_read_is_refused(document, said):
    with pytest.raises(NotReadable) as refusal:
        read_draft(json.dumps(document))
    assert said in refusal.value.errors[0].message
