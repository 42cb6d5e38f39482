"""Makes the synchronous client from the asynchronous one: `python -m tests.client.synchronous`.

One of the two is written by hand, so that they cannot differ.
"""

import re
import subprocess
import sys
from pathlib import Path

from tests.support.source import ROOT

PACKAGE = ROOT / "client/src/coffer"
SOURCE, TARGET = PACKAGE / "asynchronous", PACKAGE / "synchronous"

HEAD = '"""The synchronous client, made from the package `asynchronous` by `python -m tests.client.synchronous`."""'

REPLACEMENTS = (
    (r'\A""".*?"""', HEAD),
    (r"\bcoffer\.asynchronous\b", "coffer.synchronous"),
    (r"^import asyncio$", "import time"),
    (r"\bAsyncIterator\b", "Iterator"),
    (r"\basyncio\.sleep\b", "time.sleep"),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\b(async |await )", ""),
    (r"__a(enter|exit|iter)__", r"__\1__"),
    (r"\basynccontextmanager\b", "contextmanager"),
    (r"\ba(close|read|iter_lines)\b", r"\1"),
    (r"for item in (page\[.items.\]):\s+yield item", r"yield from \1"),
)


def synchronous() -> dict[Path, str]:
    """The text of each module of the synchronous client, by its path."""
    return {TARGET / module.name: _of(module) for module in sorted(SOURCE.glob("*.py"))}


def _of(module: Path) -> str:
    text = module.read_text()
    for pattern, replacement in REPLACEMENTS:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE | re.DOTALL)
    return _formatted(_formatted(text, "check", "--select", "I", "--fix", "--quiet"), "format", "--quiet")


def _formatted(text: str, *how: str) -> str:
    command = [sys.executable, "-m", "ruff", *how, "--stdin-filename", "client/src/coffer/module.py", "-"]
    return subprocess.run(command, cwd=ROOT, input=text, capture_output=True, check=True, text=True).stdout


if __name__ == "__main__":
    TARGET.mkdir(exist_ok=True)
    for path, text in synchronous().items():
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")
        path.write_text(text)
