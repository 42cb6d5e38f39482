"""What holds for the whole process: its files and its memory are its user's alone, and its threads take short turns."""

import ctypes
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path

PR_SET_DUMPABLE = 4  # prctl(2)
TURN_SECONDS = 0.001


def protect_process() -> None:
    """Make new files private, whatever the umask was, and forbid core dumps, which would hold keys and values."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # without it a crash handler that core_pattern names would still get the memory
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def shorten_turns() -> None:
    """Let a thread that computes give way after a millisecond, where Python's default is five.

    While a large answer is searched for values in a thread, the event loop and the threads of the database have to wait
    for the interpreter at every step of every other run (`make bench PART=masking`).
    """
    sys.setswitchinterval(TURN_SECONDS)


def protect_files(folder: Path, database: str) -> None:
    """Make a folder and the files in it private, and a database of SQLite, as far as they belong to this user.

    Args:
        database: the path of the database; empty or `:memory:` if there is no file.
    """
    files = [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
    for path in (folder, *files, *(Path(database + end) for end in ("", "-wal", "-shm") if database)):
        with suppress(OSError):
            path.chmod(0o700 if path.is_dir() else 0o600)
