"""What the process writes and holds stays with its user, whatever the umask is."""

import importlib
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from accounts.common.process import TURN_SECONDS

ROOT = Path(__file__).resolve().parents[3]
TOLD = """
import ctypes, os, resource, sqlite3
sqlite3.connect(os.environ["NEW_DATABASE"]).execute("CREATE TABLE a (b)")
open(os.environ["NEW_FILE"], "w").close()
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_files_of_before_and_new_ones_are_private_and_the_memory_is_never_dumped(tmp_path):
    before, *made = [tmp_path / name for name in ("coffer.sqlite3", "new.sqlite3", "new")]
    before.touch(mode=0o644)
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{before}"}
    environment |= {"NEW_DATABASE": str(made[0]), "NEW_FILE": str(made[1])}
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", TOLD]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, umask=0o000)
    assert done.stdout.strip() == "(0, 0) 0"
    assert {path: oct(mode(path)) for path in tmp_path.iterdir()} == dict.fromkeys([before, *made], "0o600")
    assert mode(ROOT / "var") == 0o700


def test_threads_of_a_server_take_short_turns():
    importlib.import_module("config.asgi")
    assert sys.getswitchinterval() == pytest.approx(TURN_SECONDS)
