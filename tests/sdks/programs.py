"""Runs the programs with the official SDKs; only their usual variables say where the service is, and the key."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization

from tests.peers.tls_upstream import Authority
from tests.support import npm

HERE = Path(__file__).parent
PROGRAMS = ("with_openai.py", "with_anthropic.py", "with_openai.mjs", "with_anthropic.mjs")
SECONDS = 120


def trust(authority: Authority, folder: Path) -> dict[str, str]:
    """The variables with which OpenSSL, Python and Node trust an authority."""
    file = folder / "authority.pem"
    file.write_bytes(authority.certificate.public_bytes(serialization.Encoding.PEM))
    return {"SSL_CERT_FILE": str(file), "NODE_EXTRA_CA_CERTS": str(file)}


def results_of(program: str, *, openai: str, anthropic: str, key: str, trusting: dict[str, str]) -> dict[str, Any]:
    """What each step of a program got.

    Args:
        openai, anthropic: the base URLs of the two services.
        key: where their keys go.
    """
    services = {"OPENAI_BASE_URL": openai, "ANTHROPIC_BASE_URL": anthropic}
    keys = {"OPENAI_API_KEY": key, "ANTHROPIC_API_KEY": key}
    npm.install(HERE)
    interpreter = npm.newer_node(HERE) if program.endswith(".mjs") else sys.executable
    ran = subprocess.run(
        [interpreter, program],
        cwd=HERE,
        env={**os.environ, **services, **keys, **trusting},
        capture_output=True,
        check=False,
        text=True,
        timeout=SECONDS,
    )
    assert ran.returncode == 0, f"{program}\n{ran.stdout[-2000:]}\n{ran.stderr[-2000:]}"
    assert not ran.stderr, ran.stderr
    results: dict[str, Any] = json.loads(ran.stdout)
    return results


def comparable(found: Any) -> Any:
    """Results without the headers, which a proxy has its own of."""
    if isinstance(found, dict):
        return {name: comparable(value) for name, value in found.items() if name != "headers"}
    return [comparable(value) for value in found] if isinstance(found, list) else found
