"""Runs the programs with the official SDKs; only their usual variables say where the service is, and the key."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from cryptography.hazmat.primitives import serialization

from tests.peers.tls_upstream import Authority
from tests.support import npm

HERE = Path(__file__).parent
PROGRAMS = ("with_openai.py", "with_anthropic.py", "with_openai.mjs", "with_anthropic.mjs")
SECONDS_TO_END = 30


def trust(authority: Authority, folder: Path) -> dict[str, str]:
    """The variables with which OpenSSL, Python and Node trust an authority."""
    file = folder / "authority.pem"
    file.write_bytes(authority.certificate.public_bytes(serialization.Encoding.PEM))
    return {"SSL_CERT_FILE": str(file), "NODE_EXTRA_CA_CERTS": str(file)}


class Program:
    """A program that goes through its steps as often as it is told to, each time with new clients."""

    def __init__(self, name: str, process: subprocess.Popen[str]) -> None:
        self.name, self._process = name, process

    def results(self, *, openai: str, anthropic: str, key: str) -> dict[str, Any]:
        """What each step got.

        Args:
            openai, anthropic: the base URLs of the two services.
            key: where their keys go.
        """
        services = {"OPENAI_BASE_URL": openai, "ANTHROPIC_BASE_URL": anthropic}
        keys = {"OPENAI_API_KEY": key, "ANTHROPIC_API_KEY": key}
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(services | keys) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"{self.name} ended"
        results: dict[str, Any] = json.loads(line)
        return results


@contextmanager
def started(name: str, trusting: dict[str, str]) -> Iterator[Program]:
    """A program until the block ends; it has to end well, and to say nothing but its results."""
    npm.install()
    interpreter = npm.newer_node() if name.endswith(".mjs") else sys.executable
    with TemporaryFile("w+") as complaints:
        process = subprocess.Popen(
            [interpreter, name],
            cwd=HERE,
            env=os.environ | trusting,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
        )
        try:
            yield Program(name, process)
            said, _ = process.communicate(timeout=SECONDS_TO_END)
        finally:
            process.kill()
            process.communicate()
            complaints.seek(0)
            complained = complaints.read()
            sys.stderr.write(complained)  # pytest prints it with a failure
        assert (process.returncode, said, complained) == (0, "", ""), name


def comparable(found: Any) -> Any:
    """Results without the headers, which a proxy has its own of."""
    if isinstance(found, dict):
        return {name: comparable(value) for name, value in found.items() if name != "headers"}
    return [comparable(value) for value in found] if isinstance(found, list) else found
