"""`python -m tests.observatory`: the MDN HTTP Observatory against the product, served over TLS on loopback.

Prints the grade and every test; the exit code is 1 below A+. Not part of the suite: it installs the scanner with npm.
"""

import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.benchmarks.processes import free_port, serving
from tests.deployment import PRODUCTION

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SCANNER = HERE / "node_modules/@mdn/mdn-http-observatory"
BEST = "A+"


def main() -> int:
    """Scan; 0 for the best grade."""
    _install()
    with tempfile.TemporaryDirectory() as folder:
        place, port = Path(folder), free_port()
        certificate = _certificate(place)
        environment = _environment(place, port)
        for command in (["migrate"], ["createcachetable"], ["collectstatic", "--no-input"]):
            _run([sys.executable, "manage.py", *command, "-v", "0"], environment)
        server = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(port)]
        keys = ["--ssl-certfile", str(certificate), "--ssl-keyfile", str(place / "key.pem")]
        with serving([*server, *keys, "--log-level", "warning"], port, environment):
            found = json.loads(_run(["node", "src/scan.js", f"localhost:{port}"], _scanner(certificate), SCANNER))
    return _tell(found)


def _install() -> None:
    """`npm ci` without scripts, and the two lists that a scan of the internet would need, empty."""
    _run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], dict(os.environ), HERE)
    (SCANNER / "conf/hsts-preload.json").write_text("{}")
    (SCANNER / "conf/tld-list.json").write_text("[]")


def _environment(place: Path, port: int) -> dict[str, str]:
    return (
        os.environ
        | PRODUCTION
        | {
            "COFFER_ALLOWED_HOSTS": "localhost",
            "COFFER_SITE_URL": f"https://localhost:{port}",
            "DATABASE_URL": f"sqlite:///{place / 'coffer.sqlite3'}",
        }
    )


def _scanner(certificate: Path) -> dict[str, str]:
    return os.environ | {"NODE_EXTRA_CA_CERTS": str(certificate)}


def _certificate(place: Path) -> Path:
    """A certificate for localhost that signs itself, for an hour; its key lies beside it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (place / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (place / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return place / "certificate.pem"


def _run(command: list[str], environment: dict[str, str], folder: Path = ROOT) -> str:
    done = subprocess.run(command, env=environment, cwd=folder, check=True, capture_output=True, text=True, timeout=300)
    return done.stdout


def _tell(found: dict) -> int:
    scan = found["scan"]
    sys.stdout.write(f"{scan['grade']}, {scan['score']} points\n")
    for name, test in found["tests"].items():
        sys.stdout.write(f"{'ok  ' if test['pass'] else 'FAIL'} {test['scoreModifier']:+3} {name}: {test['result']}\n")
    return 0 if scan["grade"] == BEST else 1


if __name__ == "__main__":
    sys.exit(main())
