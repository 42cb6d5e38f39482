"""Make `secrets_app/redaction/grams.json`: what ordinary text and keys of the same format have in common.

`python -m tests.public_grams`, or `make grams`. It generates keys of each format several times and keeps the grams that
two independent ones share (headers, object identifiers, exponents), and counts pairs of letters in the sources of the
standard library and in the documentation.
"""

import base64
import hashlib
import json
import math
import os
import random
import shutil
import string
import struct
import subprocess
import sysconfig
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x448, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from secrets_app.redaction.grams import SIZE
from secrets_app.redaction.views import canonical
from tests.support.source import ROOT

TARGET = ROOT / "secrets_app/redaction/grams.json"
SYMBOLS = string.ascii_lowercase + "0"
EACH = 24
"""Keys of each algorithm, so that each length that a format may have occurs. A gram counts when two of them hold it."""
EACH_OF_TOOLS = 6


ALGORITHMS: dict[str, Callable[[], Any]] = {
    "rsa 2048": lambda: rsa.generate_private_key(65537, 2048),
    "rsa 3072": lambda: rsa.generate_private_key(65537, 3072),
    "rsa 4096": lambda: rsa.generate_private_key(65537, 4096),
    "p-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ed448": ed448.Ed448PrivateKey.generate,
    "x25519": x25519.X25519PrivateKey.generate,
    "x448": x448.X448PrivateKey.generate,
    "dsa": lambda: dsa.generate_private_key(2048),
}


def formats() -> dict[str, Callable[[Any], bytes]]:
    """Return what writes a private key or its public one, by the name of the format."""
    pem, none, locked = Encoding.PEM, NoEncryption(), BestAvailableEncryption(os.urandom(16))
    return {
        "traditional": lambda key: key.private_bytes(pem, PrivateFormat.TraditionalOpenSSL, none),
        "pkcs8": lambda key: key.private_bytes(pem, PrivateFormat.PKCS8, none),
        "pkcs8 locked": lambda key: key.private_bytes(pem, PrivateFormat.PKCS8, locked),
        "openssh": lambda key: key.private_bytes(pem, PrivateFormat.OpenSSH, none),
        "pkcs12": lambda key: base64.b64encode(serialize_key_and_certificates(b"key", key, None, None, locked)),
        "putty": putty,
        "public": lambda key: key.public_key().public_bytes(pem, PublicFormat.SubjectPublicKeyInfo),
        "public ssh": lambda key: key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
    }


def written(keys: Iterable[Any], write: Callable[[Any], bytes]) -> list[bytes]:
    """Return keys in a format; nothing if keys of this algorithm are not written in it."""
    try:
        return [write(key) for key in keys]
    except (ValueError, TypeError, AttributeError):
        return []


def putty(key: Any) -> bytes:
    """Return a PuTTY file, version 3, of an RSA or Ed25519 key; TypeError for others."""
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.private_numbers()
        private = b"".join(map(_mpint, (numbers.d, numbers.p, numbers.q, numbers.iqmp)))
    elif isinstance(key, ed25519.Ed25519PrivateKey):
        private = _mpint(int.from_bytes(key.private_bytes_raw(), "little"))
    else:
        raise TypeError("not written")
    kind, public, *_ = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()
    return b"\n".join(
        [
            b"PuTTY-User-Key-File-3: " + kind,
            b"Encryption: none",
            b"Comment: key",
            *_lines(b"Public-Lines", public),
            *_lines(b"Private-Lines", base64.b64encode(private)),
            b"Private-MAC: " + hashlib.sha256(private).hexdigest().encode(),
        ]
    )


def _mpint(number: int) -> bytes:
    raw = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return struct.pack(">I", len(raw)) + raw


def _lines(name: bytes, text: bytes) -> list[bytes]:
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return [name + b": %d" % len(lines), *lines]


def tool_keys() -> Iterator[list[bytes]]:
    """Yield private PGP keys made by GnuPG, and locked keys made by OpenSSH, where these are installed."""
    if shutil.which("gpg"):
        for algorithm in ("rsa2048", "rsa4096", "ed25519", "nistp256"):
            yield [_pgp_key(algorithm) for _ in range(EACH_OF_TOOLS)]
    if shutil.which("ssh-keygen"):
        for algorithm in ("rsa", "ecdsa", "ed25519"):
            yield [_locked_ssh_key(algorithm) for _ in range(EACH_OF_TOOLS)]


def _locked_ssh_key(algorithm: str) -> bytes:
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "key"
        options = ["-t", algorithm, "-N", os.urandom(8).hex(), "-C", os.urandom(4).hex(), "-f", str(path)]
        subprocess.run(["ssh-keygen", "-q", *options], check=True)
        return path.read_bytes()


def _pgp_key(algorithm: str) -> bytes:
    with tempfile.TemporaryDirectory() as home:
        start = ["gpg", "--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""]
        start += ["--faked-system-time", str(random.randrange(2**30, 2**31 - 2**27))]  # keys hold when they were made
        name = f"{os.urandom(4).hex()} <{os.urandom(4).hex()}@example.com>"
        subprocess.run([*start, "--quick-generate-key", name, algorithm, "default", "never"], check=True)
        armoured = subprocess.run([*start, "--armor", "--export-secret-keys"], check=True, capture_output=True)
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)
        return armoured.stdout


def jwt_headers() -> list[bytes]:
    """Return the headers of JSON Web Tokens as libraries write them, in base64url."""
    algorithms = [family + size for family in ("HS", "RS", "ES", "PS") for size in ("256", "384", "512")] + ["EdDSA"]
    spellings = (
        '{"alg":"%s","typ":"JWT"}',
        '{"typ":"JWT","alg":"%s"}',
        '{"alg":"%s","typ":"JWT","kid":"',
        '{"alg":"%s"}',
    )
    return [base64.urlsafe_b64encode((text % name).encode()) for text in spellings for name in algorithms]


def shared(texts: list[bytes]) -> set[str]:
    """Return the grams that at least two of the texts hold."""
    counts: Counter[bytes] = Counter()
    for text in map(canonical, texts):
        counts.update({text[at : at + SIZE] for at in range(len(text) - SIZE + 1)})
    return {gram.decode() for gram, count in counts.items() if count > 1}


def public_grams() -> set[str]:
    """Return the grams that keys of one format share, whoever they belong to."""
    found = {gram for header in jwt_headers() for gram in shared([header, header])}
    for make in ALGORITHMS.values():
        keys = [make() for _ in range(EACH)]
        for write in formats().values():
            found |= shared(written(keys, write))
    for texts in tool_keys():
        found |= shared(texts)
    return found


def pairs() -> list[list[int]]:
    """Return tenths of the base-2 logarithm of how probable each symbol is after each other one in ordinary text."""
    counts: Counter[str] = Counter()
    digits = str.maketrans(string.digits, "0" * 10)
    library = Path(sysconfig.get_path("stdlib"))
    for path in sorted([*library.glob("*.py"), *library.glob("[a-z]*/*.py"), *(ROOT / "docs").glob("**/*.md")]):
        text = canonical(path.read_bytes()).decode().translate(digits)
        counts.update(text[at : at + 2] for at in range(len(text) - 1))
    totals = {first: sum(counts[first + second] + 1 for second in SYMBOLS) for first in SYMBOLS}
    return [
        [round(10 * math.log2((counts[first + second] + 1) / totals[first])) for second in SYMBOLS] for first in SYMBOLS
    ]


def main() -> None:
    """Write the file."""
    data = {"symbols": SYMBOLS, "pairs": pairs(), "public": sorted(public_grams())}
    TARGET.write_text(json.dumps(data, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
