"""Error reports carry no data: neither the page in development mode, nor the log line, nor the production answer."""

import logging
import secrets

import pytest
from django.http import HttpResponse
from django.urls import path
from django.views.debug import ExceptionReporter

from accounts.access.route_permissions import public
from config.http import errors
from config.http.reports import SilentReporterFilter

MARK = f"canary-{secrets.token_hex(8)}"  # not a literal: reports show lines of source


@public
def blows_up(request, *args):
    value = MARK  # noqa: F841 - what a report must not show
    request.session["note"] = MARK
    raise RuntimeError("fault")


@pytest.fixture
def faulty(settings, client):
    """A client of an installation with one page that fails while a value is in scope."""
    settings.ROOT_URLCONF = type(
        "urls", (), {"urlpatterns": [path("o/", blows_up), path("api/o/", blows_up)], "handler500": errors.server_error}
    )
    client.raise_request_exception = False
    client.cookies["cookie-name"] = MARK
    return client


@pytest.mark.django_db
@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("address", ["/o/", "/api/o/"])
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_no_answer_to_a_fault_shows_data(faulty, settings, caplog, debug, address, accept):
    settings.DEBUG = debug
    headers = {"accept": accept, "authorization": f"Bearer {MARK}", "x-note": MARK}
    with caplog.at_level(logging.DEBUG):
        response = faulty.post(address, {"value": MARK, "password": MARK}, headers=headers)
    assert response.status_code == 500
    assert MARK not in response.text
    assert MARK not in caplog.text


@pytest.mark.django_db
def test_production_answer_of_the_api_is_a_problem_document(faulty):
    response = faulty.get("/api/o/")
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json() == {
        "type": "urn:coffer:problem:internal_error",
        "title": "Internal Server Error",
        "status": 500,
        "code": "internal_error",
        "detail": "Server got itself in trouble",
    }


def test_report_keeps_files_and_lines_and_nothing_else(rf, settings):
    settings.SOMETHING = MARK
    request = rf.post("/o/?q=x", {"value": MARK}, headers={"cookie": f"a={MARK}", "authorization": MARK})
    request.session = {}
    try:
        blows_up(request)
    except RuntimeError as fault:
        reporter = ExceptionReporter(request, RuntimeError, fault, fault.__traceback__)
    data = reporter.get_traceback_data()
    assert isinstance(reporter.filter, SilentReporterFilter)
    assert [frame["vars"] for frame in data["frames"]] == [[], []]
    assert (data["filtered_POST_items"], list(data["request_COOKIES_items"]), data["settings"]) == ([], [], {})
    assert set(data["request_meta"]) <= {
        "REQUEST_METHOD",
        "PATH_INFO",
        "SERVER_NAME",
        "SERVER_PORT",
        "CONTENT_TYPE",
        "CONTENT_LENGTH",
    }
    assert MARK not in reporter.get_traceback_text()


def test_filter_is_on_without_a_request():
    report = SilentReporterFilter()
    assert report.is_active(None)
    assert report.get_safe_request_meta(None) == {}


def test_page_that_works_is_untouched(client, settings):
    settings.ROOT_URLCONF = type("urls", (), {"urlpatterns": [path("", public(lambda request: HttpResponse("fine")))]})
    assert client.get("/").text == "fine"
