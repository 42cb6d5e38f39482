"""What every answer has in common: no value in a URL, no cache, no cookie that a script can read."""

import pytest

from tests.support.sign_in import sign_in

QUERIES = ["value=s3cret", "value_staging=s3cret", "q=x&value=", "value_=1", "%76alue=s3cret", "x=1&value"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/healthz", "/signin/", "/api/v1/secrets", "/nowhere"])
@pytest.mark.parametrize("query", QUERIES)
def test_value_in_the_query_is_refused_before_any_view(client, path, query):
    response = client.get(f"{path}?{query}")
    assert response.status_code == 400
    assert "s3cret" not in response.text
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("query", ["q=value", "values=1", "evaluate=1", ""])
def test_other_queries_pass(client, query):
    assert client.get(f"/healthz?{query}").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/api/v1/secrets", "/api/v1/openapi.json"])
def test_answers_stay_out_of_caches_and_search_engines(client, path):
    headers = client.get(path).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Robots-Tag"] == "noindex"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "default-src 'none'" in headers["Content-Security-Policy"]


@pytest.mark.django_db
def test_api_knows_no_session(client, owner):

    sign_in(client, owner)
    response = client.get("/api/v1/secrets")
    assert response.status_code == 401
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "localhost:80@evil.example"])
def test_unknown_host_is_refused(client, host):
    assert client.get("/healthz", headers={"host": host}).status_code == 400
