"""What the benchmark measures with: processor time and memory of a process and those below it, and its end."""

import sys
from pathlib import Path

import pytest

from tests.benchmarks.processes import cpu_seconds, free_port, memory_mb, serving

SERVER = """
import socket, subprocess, sys, time
work = "import time\\nwhile time.process_time() < .3: 0"
child = subprocess.Popen([sys.executable, "-c", work])
child.wait()
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
time.sleep(60)
"""


def test_counts_children_and_ends_with_the_block():
    port = free_port()
    with serving([sys.executable, "-c", SERVER, str(port)], port) as pid:
        assert 0.3 <= cpu_seconds(pid) < 5
        assert 1 < memory_mb(pid) < 100
        assert Path(f"/proc/{pid}").exists()
    assert not Path(f"/proc/{pid}").exists()
    assert cpu_seconds(pid) == 0


def test_server_that_does_not_start_is_said():
    with pytest.raises(RuntimeError, match="does not listen"), serving([sys.executable, "-c", ""], free_port()):
        pass
