"""Which pages are compressed: those of organizations, and only where nothing stands that the request brought along."""

import gzip

import pytest

from tests.support.things import store_secret

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]

ACCEPTS = {"Accept-Encoding": "gzip, br"}
HTMX = {"HX-Request": "true"}
SITE = "/o/harbor-clinics"


def is_compressed(client, path, **headers):
    response = client.get(path, headers=ACCEPTS | headers)
    return response.headers.get("Content-Encoding") == "gzip"


def test_pages_of_an_organization_are_compressed(as_owner, owner):
    store_secret(owner)
    response = as_owner.get(f"{SITE}/secrets/", headers=ACCEPTS)
    page = gzip.decompress(response.content)
    assert b"crm.apiKey" in page and len(response.content) < len(page) / 2
    assert "Accept-Encoding" in response.headers["Vary"]
    assert is_compressed(as_owner, "/api/v1/docs") and is_compressed(as_owner, f"{SITE}/runs/", **HTMX)
    assert not as_owner.get(f"{SITE}/secrets/").headers.get("Content-Encoding")


def test_its_length_tells_less_than_the_page(as_owner):
    lengths = {len(as_owner.get(f"{SITE}/secrets/", headers=ACCEPTS).content) for _ in range(8)}
    assert len(lengths) > 1


def test_nothing_that_holds_what_the_request_brought_is_compressed(as_owner, client):
    queries = [f"{SITE}/secrets/?q=typed", f"{SITE}/runs/?code=typed", f"{SITE}/audit/?target=typed"]
    assert [path for path in queries if is_compressed(as_owner, path) or is_compressed(as_owner, path, **HTMX)] == []
    sent = as_owner.post(f"{SITE}/secrets/new/", {"name": "typed name"}, headers=ACCEPTS)
    assert (sent.status_code, sent.headers.get("Content-Encoding")) == (422, None)
    assert "Content-Encoding" not in as_owner.get(f"{SITE}/typed/", headers=ACCEPTS).headers


def test_no_page_with_a_credential_or_of_somebody_unknown_is_compressed(as_owner, client):
    own = ["/account/", "/account/app/", "/account/recovery-codes/new/", "/proof/", "/invitations/token-of-a-link/"]
    assert [path for path in own if is_compressed(as_owner, path)] == []
    assert [path for path in ("/signin/", "/signup/", "/password/") if is_compressed(client, path)] == []
    form = {"name": "agent", "scopes": ["run"], "environments": ["staging"], "reach": "all", "ends": "never"}
    made = as_owner.post(f"{SITE}/api-keys/new/", form, headers=ACCEPTS)
    assert "Content-Encoding" not in made.headers
    program = client.get("/api/v1/openapi.json", headers=ACCEPTS)
    assert "Content-Encoding" not in program.headers
