"""Writes the first `.env`: fresh keys, readable by its owner alone. Standard library only; nothing is installed yet.

usage: python -m config.bootstrap FILE
       python -m config.bootstrap FILE --host NAME --database URL [--proxy ADDRESS] [--workers N]

The first is for one machine, on loopback (PORT, DEMO); the second is for production, behind a proxy with TLS.
"""

import base64
import os
import secrets
import sys
from argparse import ArgumentParser
from pathlib import Path

from config.ports import PortProblem, asked_port

KEYS = """\
# Keep COFFER_MASTER_KEYS apart from backups of the database: together they open every value.
COFFER_SECRET_KEY={secret_key}
COFFER_MASTER_KEYS=first:env:{master_key}
"""

LOOPBACK = """\
COFFER_ALLOWED_HOSTS=localhost,127.0.0.1
COFFER_SITE_URL=http://localhost:{port}
"""

DEMO_EGRESS = """\
# For the demo's echo upstream and stand-ins on loopback. Remove this line to close it again.
COFFER_EGRESS_ALLOW=127.0.0.1/32
"""

PRODUCTION = """\
COFFER_ALLOWED_HOSTS={host}
COFFER_SITE_URL=https://{host}
COFFER_TRUSTED_PROXIES={proxy}
COFFER_LOG_FORMAT=json
DATABASE_URL={database}
WEB_CONCURRENCY={workers}
"""


def new_keys() -> str:
    """Return the lines with keys that were never used before."""
    return KEYS.format(
        secret_key=secrets.token_urlsafe(48), master_key=base64.b64encode(secrets.token_bytes(32)).decode()
    )


def settings_text(*, port: str, demo: bool) -> str:
    """Return the text of the file for one machine."""
    return new_keys() + LOOPBACK.format(port=port) + (DEMO_EGRESS if demo else "")


def production_text(*, host: str, database: str, proxy: str, workers: int) -> str:
    """Return the text of the file for production.

    Args:
        host: the name under which people reach Coffer.
        database: the URL of the database.
        proxy: the addresses or networks that the proxy connects from.
        workers: the number of worker processes.
    """
    return new_keys() + PRODUCTION.format(host=host, database=database, proxy=proxy, workers=workers)


def write_once(path: Path, text: str) -> None:
    """Create the file with mode 600; an existing one is left alone and is an error."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def text_for_loopback() -> str:
    """Return the text of the file for PORT (8000) and DEMO."""
    try:
        port = asked_port("PORT") or 8000
    except PortProblem as problem:
        sys.exit(str(problem))
    return settings_text(port=str(port), demo=os.environ.get("DEMO", "1") != "0")


def main(arguments: list[str]) -> None:
    """Write the file."""
    parser = ArgumentParser(prog="python -m config.bootstrap")
    parser.add_argument("file", type=Path)
    parser.add_argument("--host", help="for production: the name under which people reach Coffer")
    parser.add_argument("--database", metavar="URL", help="for production: postgres://user:password@host/name")
    parser.add_argument("--proxy", default="127.0.0.1", help="what the proxy connects from (127.0.0.1)")
    workers = len(os.sched_getaffinity(0))
    parser.add_argument("--workers", type=int, default=workers, help="for production: one a processor by default")
    given = parser.parse_args(arguments)
    if bool(given.host) != bool(given.database):
        parser.error("--host and --database belong together.")
    text = (
        production_text(host=given.host, database=given.database, proxy=given.proxy, workers=given.workers)
        if given.host
        else text_for_loopback()
    )
    try:
        write_once(given.file, text)
    except FileExistsError:
        sys.exit(f"{given.file} exists, and its keys may be in use. Choose another name.")
    sys.stdout.write(f"Wrote {given.file} with new keys. Back it up, apart from the database.\n")


if __name__ == "__main__":
    main(sys.argv[1:])
