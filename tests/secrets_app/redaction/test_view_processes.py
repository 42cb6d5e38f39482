"""Views of large texts come from processes of their own, and from this one where none can be had."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from secrets_app.redaction import view_processes
from secrets_app.redaction.view_processes import ViewProcesses, bounded_views
from secrets_app.redaction.views import views
from tests.support.integrations.echoes import redactor

ROOT = Path(__file__).resolve().parents[3]
TEXT = b'{"escaped": "\\u0061%2541&#x41;", "more": "plain"}' * 200
PLENTY = 1024 * 1024


@pytest.fixture
def processes():
    started = ViewProcesses()
    yield started
    started.stop()


def ids_of(processes):
    return list(processes._pool._processes)


def is_alive(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def gone_soon(pid):
    ending = time.monotonic() + 20
    while is_alive(pid) and time.monotonic() < ending:
        time.sleep(0.05)
    return not is_alive(pid)


def test_views_are_the_same_from_a_process_and_several_threads_share_them(processes):
    expected = list(views(TEXT))
    assert len(expected) > 1
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: processes.views(TEXT, PLENTY, None), range(8)))
    assert found == [expected] * 8
    assert 1 <= len(ids_of(processes)) <= view_processes.PROCESSES


def test_views_end_with_the_first_that_exceeds_the_budget(processes):
    assert processes.views(TEXT, len(TEXT), None) == bounded_views(TEXT, len(TEXT)) == list(views(TEXT))[:2]


def test_a_process_that_dies_is_replaced_and_nothing_is_left_unsearched(processes, caplog):
    processes.views(TEXT, PLENTY, None)
    died = ids_of(processes)
    for pid in died:
        os.kill(pid, signal.SIGKILL)
    assert all(map(gone_soon, died))
    assert processes.views(TEXT, PLENTY, None) == list(views(TEXT))
    assert "could not be used" in caplog.text
    assert processes.views(TEXT, PLENTY, None) == list(views(TEXT))
    assert not set(ids_of(processes)) & set(died)


def test_processes_that_another_thread_has_ended_are_replaced_and_newer_ones_go_on(processes):
    processes.views(TEXT, PLENTY, None)
    ended = processes._pool
    ended.shutdown()
    assert processes.views(TEXT, PLENTY, None) == list(views(TEXT))
    processes.views(TEXT, PLENTY, None)
    newer = processes._pool
    processes._end(ended)
    assert processes._pool is newer
    assert processes.views(TEXT, PLENTY, None) == list(views(TEXT))


def test_time_that_is_over_is_told(processes):
    with pytest.raises(TimeoutError):
        processes.views(TEXT, PLENTY, time.monotonic())


def test_large_text_is_searched_to_its_end():
    value = "Zk83jf0sLq92mvnW1xTt"
    text = b"x" * 200_000 + value.encode() + b"y"
    assert redactor(value).mask_bytes(text).text == b"x" * 200_000 + b"[redacted]y"


SERVER = """
import os, sys, time
from secrets_app.redaction.view_processes import VIEW_PROCESSES
VIEW_PROCESSES.views(b"text", 100, None)
[pid] = VIEW_PROCESSES._pool._processes
print(pid, os.getpriority(os.PRIO_PROCESS, pid) - os.getpriority(os.PRIO_PROCESS, 0), flush=True)
time.sleep(60)
"""


def test_processes_give_way_to_the_server_and_end_with_it_however_it_ends():
    with subprocess.Popen([sys.executable, "-c", SERVER], cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            pid, niceness = map(int, server.stdout.readline().split())
            assert niceness == view_processes.NICENESS
            assert is_alive(pid)
        finally:
            server.kill()
    assert gone_soon(pid)
