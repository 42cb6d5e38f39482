"""A server that runs out of file descriptors, and faults by a shortage of something of the system's."""

import errno
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.db import connection
from django.test import Client, override_settings

from accounts.common import outages
from tests.benchmarks.processes import free_port
from tests.support.source import ROOT
from tests.support.things import key_for

FEW, MOST_SECONDS = 256, 60
LIMITED = f'ulimit -Sn {FEW // 2} && ulimit -Hn {FEW} && exec "$0" "$@"'
API, PAGE, HEALTH = "/api/v1/secrets", "/signin/", "/healthz"


class Server:
    """A real server process that may have few descriptors."""

    def __init__(self, port, process, log, key):
        self.port, self.process, self.log, self.key = port, process, log, key

    def get(self, path):
        """The status and the headers of an answer; 0 while there is none."""
        headers = {"Authorization": f"Bearer {self.key}"} if path == API else {}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, answer.headers
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers
        except OSError:
            return 0, {}

    def until(self, path, status):
        """Wait until an address answers so."""
        end = time.monotonic() + MOST_SECONDS
        while self.get(path)[0] != status:
            assert time.monotonic() < end, (path, self.log.read_text())
            time.sleep(0.1)

    def hold(self, stack, number):
        """Hold so many connections more."""
        for _ in range(number):
            stack.enter_context(socket.create_connection(("127.0.0.1", self.port)))
        time.sleep(0.1)


@pytest.fixture
def server(owner, tmp_path):
    key, port, log = key_for(owner), free_port(), tmp_path / "log"
    env = {**os.environ, "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}", "COFFER_LOG_FORMAT": "text"}
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(port), "--no-access-log"]
    with log.open("w") as written:
        process = subprocess.Popen(["sh", "-c", LIMITED, *command], cwd=ROOT, env=env, stdout=written, stderr=written)
    try:
        server = Server(port, process, log, key)
        server.until(HEALTH, 200)
        yield server
    finally:
        process.kill()
        process.wait()


@pytest.mark.sqlite
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.django_db(transaction=True)
def test_server_without_descriptors_says_so_and_recovers(server):
    limits = Path(f"/proc/{server.process.pid}/limits").read_text()
    assert f"Max open files            {FEW} " in limits  # the soft limit was raised
    assert [server.get(path)[0] for path in (API, PAGE)] == [200, 200]
    with ExitStack() as held:
        while server.get(API)[0] != 503:
            server.hold(held, 8)
        server.hold(held, 8)  # past the edge, where a connection that is still closing makes the difference
        for _ in range(5):
            for path in (API, PAGE):
                status, headers = server.get(path)
                assert (status, headers["Retry-After"]) == (503, "5")
        assert server.get(HEALTH)[0] == 200
        server.hold(held, FEW)
        assert server.get(API)[0] in {0, 503}
    server.until(API, 200)
    assert server.get(PAGE)[0] == 200
    said = server.log.read_text()
    assert said.count("Descriptors or disk space are used up") == 1, said
    assert "Traceback" not in said


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOSPC])
def test_shortage_in_the_middle_of_a_request_is_503(monkeypatch, caplog, number):
    def broken(*_):
        raise OSError(number, "of some kind", "/somewhere/with-a-name")

    monkeypatch.setattr(outages, "_logged", {})
    monkeypatch.setattr("config.sessions.SessionStore.load", broken)
    browser = Client(raise_request_exception=False)
    browser.cookies["session"] = "a" * 43
    for _ in range(2):
        response = browser.get("/")
        assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
        assert "Coffer is overloaded" in response.text
    assert [record.exc_info for record in caplog.records] == [None]
    assert "with-a-name" not in caplog.text


def test_pages_without_collected_files_have_no_style_and_are_no_faults(tmp_path, monkeypatch, caplog):
    own = {"BACKEND": "config.static_files.HashedStaticFiles"}
    monkeypatch.setattr("config.sessions.SessionStore.load", lambda *_: 1 / 0)
    with override_settings(STORAGES={"staticfiles": own}, STATIC_ROOT=tmp_path):
        assert staticfiles_storage.url("admin/js/jquery.js") == "/static/admin/js/jquery.js"  # whitenoise asks, no page
        assert caplog.messages == []
        browser = Client(raise_request_exception=False)
        assert browser.get("/nowhere/").status_code == 404
        browser.cookies["session"] = "a" * 43
        response = browser.get("/")
    assert response.status_code == 500
    assert 'href="/static/coffer.css"' in response.text
    assert len([text for text in caplog.messages if "collectstatic" in text]) == 1
