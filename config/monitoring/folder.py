"""The folder in which the worker processes of one server count together.

Each process has files of its own in it, which `prometheus_client` maps into memory. What a process has counted stays
when it ends; what it held, such as runs under way, is over then.
"""

import os
import shutil
from contextlib import suppress
from multiprocessing import parent_process
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Where `prometheus_client` looks for the folder when it is imported. Operators may choose another by it."""


def prepare(parent: Path) -> None:
    """Make the folder of this server and name it to `prometheus_client`; delete the folders of servers that ended."""
    if os.environ.get(VARIABLE):
        return
    parent.mkdir(mode=0o700, exist_ok=True)
    for folder in parent.glob("[0-9]*-*"):
        if folder.name != _name(int(folder.name.partition("-")[0])):
            shutil.rmtree(folder, ignore_errors=True)  # another worker may be at it, too
    server = parent_process()  # uvicorn's workers are children of it by `multiprocessing`
    own = parent / _name(server.pid if server and server.pid else os.getpid())
    own.mkdir(mode=0o700, exist_ok=True)
    os.environ[VARIABLE] = str(own)


def forget_ended_processes() -> str:
    """Delete what processes of this server held that have ended; return the folder."""
    folder = os.environ[VARIABLE]
    for file in Path(folder).glob("gauge_live*_*.db"):
        if not _is_alive(int(file.stem.rpartition("_")[2])):
            file.unlink(missing_ok=True)
    return folder


def _name(pid: int) -> str:
    """Return a name for a process that no later one has: its id, and on Linux the tick in which it started."""
    if not _is_alive(pid):
        return ""
    with suppress(OSError):
        return f"{pid}-{Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[19]}"
    return f"{pid}-"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it belongs to somebody else
        pass
    return True
