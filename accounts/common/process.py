"""What holds for the whole process: its files and memory are its user's alone, its threads take short turns, and it has
the descriptors and the codecs that it will need."""

import codecs
import ctypes
import os
import resource
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from encodings.aliases import aliases
from multiprocessing import parent_process
from pathlib import Path

MOST_DESCRIPTORS = 65_536
PR_SET_DUMPABLE = 4  # prctl(2)
TURN_SECONDS = 0.001


def protect_process() -> None:
    """Make new files private, whatever the umask was, and forbid core dumps, which would hold keys and values."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # without it a crash handler that core_pattern names would still get the memory
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def end_with_parent(end: Callable[[], object]) -> None:
    """Call `end` when the process that started this one by `multiprocessing` has ended, however it did.

    Otherwise, whoever kills the parent alone would leave its children behind.
    """
    parent = parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        end()

    threading.Thread(target=wait, daemon=True).start()


def take_descriptors() -> None:
    """Raise the soft limit of file descriptors, often 1,024: each connection needs one, each upstream another."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def load_codecs() -> None:
    """Load every codec now. One that is first needed when no descriptor is left would be unknown until the next start,
    because Python remembers what it could not load."""
    for name in ("idna", "punycode", "unicode_escape", *set(aliases.values())):
        with suppress(LookupError):  # Windows has one of its own
            codecs.lookup(name)


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
