"""Processes of a benchmark: started, waited for, stopped by their ids; their processor time and memory from /proc."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    return free_ports(1)[0]


def free_ports(number: int) -> list[int]:
    """So many ports on loopback that nobody listens on; asked for one after the other, they may be the same one."""
    with ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [server.getsockname()[1] for server in servers]


@contextmanager
def serving(
    command: Sequence[str | Path], port: int, environment: dict[str, str] | None = None, *, seconds: float = 30
) -> Iterator[int]:
    """Run a server until the block ends; its process id, once it listens, which it has to within these seconds."""
    process = subprocess.Popen(command, env={**os.environ, **(environment or {})}, stdout=subprocess.DEVNULL)
    try:
        _wait(process, port, seconds)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def cpu_seconds(*roots: int) -> float:
    """What these processes and all below them have used so far; those that ended count where they were waited for."""
    return sum(_times(pid) for pid in _family(roots)) / TICKS


def memory_mb(*roots: int) -> float:
    """Resident memory of these processes and all below them."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in _family(roots))
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024


def _wait(process: subprocess.Popen[bytes], port: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args} does not listen on {port}.")


def _family(roots: Sequence[int]) -> set[int]:
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        fields = _stat(int(entry.name))
        if fields:
            parents[int(entry.name)] = int(fields[1])
    found = {pid for pid in roots if pid in parents}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _times(pid: int) -> int:
    """User and system time in ticks, with that of children who ended."""
    fields = _stat(pid)
    return sum(int(field) for field in fields[11:15]) if fields else 0


def _stat(pid: int) -> list[str]:
    """Everything after the name, which may hold spaces; empty where the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
