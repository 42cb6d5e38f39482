"""Writes the first `.env`: fresh keys, readable by its owner alone. Standard library only; nothing is installed yet.

usage: python -m config.bootstrap FILE
"""

import base64
import os
import secrets
import sys
from pathlib import Path

from config.ports import PortProblem, asked_port

TEMPLATE = """\
# Made by `make run`. Keep COFFER_MASTER_KEYS apart from backups of the database: together they open every value.
COFFER_SECRET_KEY={secret_key}
COFFER_MASTER_KEYS=first:env:{master_key}
COFFER_ALLOWED_HOSTS=localhost,127.0.0.1
COFFER_SITE_URL=http://localhost:{port}
{egress}"""

DEMO_EGRESS = """\
# For the demo's echo upstream and stand-ins on loopback. Remove this line to close it again.
COFFER_EGRESS_ALLOW=127.0.0.1/32
"""


def settings_text(*, port: str, demo: bool) -> str:
    """The file's text, with keys that were never used before."""
    return TEMPLATE.format(
        secret_key=secrets.token_urlsafe(48),
        master_key=base64.b64encode(secrets.token_bytes(32)).decode(),
        port=port,
        egress=DEMO_EGRESS if demo else "",
    )


def write_once(path: Path, text: str) -> None:
    """Create the file with mode 600; an existing one is left alone and is an error."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def main(path: Path) -> None:
    """Write the file for PORT (8000) and DEMO."""
    try:
        port = asked_port("PORT") or 8000
    except PortProblem as problem:
        sys.exit(str(problem))
    write_once(path, settings_text(port=str(port), demo=os.environ.get("DEMO", "1") != "0"))
    sys.stdout.write(f"Wrote {path} with new keys. Back it up, apart from the database.\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
