"""Sessions and what browsers keep (docs/security-rules.md, "Sessions and browsers")."""

import re
import subprocess
import sys

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client

from accounts.models import User
from config.sessions import RowKey
from tests.fixtures.browsers import browser_of
from tests.support.web.access_table import TABLE, address

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]

PRODUCTION = """
import os
from tests.deployment import PRODUCTION
os.environ.update(PRODUCTION)
from config import settings as s
print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE,
      s.SESSION_COOKIE_HTTPONLY, s.CSRF_COOKIE_HTTPONLY, s.SESSION_COOKIE_SAMESITE, s.SECURE_HSTS_SECONDS,
      s.SECURE_HSTS_INCLUDE_SUBDOMAINS, s.SECURE_SSL_REDIRECT, s.DEBUG)
"""
PAGES = [row for row in TABLE if row[0] == "GET" and TABLE[row][0] == 200 and "api/v1" not in row[1]]
FORMS = [row for row in TABLE if row[0] == "POST" and row[1].startswith("o/") and TABLE[row][0] != 405]


def test_production_cookies_are_bound_to_the_host_and_to_tls():
    told = subprocess.run([sys.executable, "-c", PRODUCTION], capture_output=True, text=True, check=True).stdout.split()
    assert told == [
        "__Host-session", "__Host-csrf", "True", "True", "True", "True", "Lax", "31536000", "True", "True", "False",
    ]  # fmt: skip


def test_sessions_live_in_the_database_as_json():
    assert settings.SESSION_ENGINE == "config.sessions"
    assert settings.SESSION_SERIALIZER == "django.contrib.sessions.serializers.JSONSerializer"
    assert settings.SESSION_COOKIE_AGE <= 7 * 24 * 3600


def test_session_from_before_the_sign_in_is_worth_nothing(owner):
    browser = Client()
    browser.get("/signin/")
    browser.session["planted"] = "x"
    session = browser.session
    session["planted"] = "x"
    session.save()
    before = session.session_key
    browser.force_login(User.objects.get(pk=owner.id))
    assert browser.session.session_key != before
    assert not Session.objects.filter(session_key=before).exists()


def test_signing_out_ends_the_session_and_empties_the_browser(owner):
    browser = browser_of(owner)
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME].value
    response = browser.post("/signout/")
    assert response.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert not Session.objects.filter(session_key=RowKey.of(cookie)).exists()
    stolen = Client()
    stolen.cookies[settings.SESSION_COOKIE_NAME] = cookie
    assert stolen.get("/o/harbor-clinics/secrets/").status_code == 302


def test_cookie_that_somebody_made_up_is_no_session(owner):
    browser = Client()
    for text in ("x", "0" * 32, "../../etc/passwd", "a" * 5000):
        browser.cookies[settings.SESSION_COOKIE_NAME] = text
        assert browser.get("/o/harbor-clinics/secrets/").status_code == 302


def test_every_page_says_what_browsers_may_do_with_it(world):
    clients, ids = world
    for _, pattern in PAGES:
        judge(clients["owner"].get(address(pattern, ids)))


def judge(response):
    policy = response.headers["Content-Security-Policy"]
    for part in ("default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert part in policy
    assert "unsafe" not in policy
    assert "http" not in re.sub(r"report-\S+ \S+", "", policy)
    assert "no-store" in response.headers["Cache-Control"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["Referrer-Policy"] == "same-origin"
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_form_from_elsewhere_does_nothing(owner, world):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(User.objects.get(pk=owner.id))
    for _, pattern in FORMS:
        path = address(pattern, world[1])
        assert browser.post(path).status_code == 403
        assert browser.post(path, headers={"origin": "https://evil.example.com"}).status_code == 403
        assert browser.post(path, {"csrfmiddlewaretoken": "x" * 64}).status_code == 403
