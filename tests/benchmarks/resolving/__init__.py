"""Resolving alone: a secret's row is read and its value opened, against the reading of the same row alone.

Both are bare ASGI callables with one uvicorn worker and 16 connections. What opening costs without a database, and
AES-256-GCM without our key derivation, stand beside them.
"""

import os
import time
from collections.abc import Callable
from contextlib import ExitStack

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connections

from accounts.actors import actor_for_member
from accounts.models import Membership, User
from accounts.people.organizations import create_organization
from secrets_app.models import SecretValue
from secrets_app.sealing import keyring
from tests.benchmarks.competing import Cell, Competitor, libpq, postmaster, uvicorn
from tests.benchmarks.processes import free_port, serving
from tests.support.things import VALUE, store_secret

CONNECTIONS = 16
ROUNDS = 5
OPENINGS = 5_000
RESOLVE, ROW = "resolve", "row"


def measure() -> list[dict[str, object]]:
    """Calls a second of both and their ratio; openings a second in one thread."""
    user = User.objects.create(email="owner@example.com", name="Owner")
    organization = create_organization(user=user, name="Benchmark")
    owner = actor_for_member(Membership.objects.select_related("user", "organization").get(organization=organization))
    secret = store_secret(owner)
    value = SecretValue.objects.select_related("secret", "data_key").get(secret=secret, environment="staging")
    alone = [("opening alone", _each_second(lambda: keyring.unseal(value))), ("AES-256-GCM alone", _aes_each_second())]
    cells = _served(str(organization.pk), secret.name)
    row = cells[ROW].median("per_second")
    return [
        *(
            {
                "what": name,
                "per_second": round(cell.median("per_second")),
                "of_row": round(cell.median("per_second") / row, 2),
                "cpu_ms": round(cell.median("cpu_ms"), 3),
            }
            for name, cell in cells.items()
        ),
        *(
            {"what": name, "per_second": round(rate), "of_row": "", "cpu_ms": round(1000 / rate, 4)}
            for name, rate in alone
        ),
    ]


def _served(organization: str, name: str) -> dict[str, Cell]:
    environment = {"RESOLVED_ORGANIZATION": organization, "RESOLVED_NAME": name, "FLOOR_DATABASE": libpq()}
    with ExitStack() as stack:
        cells = {}
        for what in (RESOLVE, ROW):
            port = free_port()
            command = uvicorn(f"tests.benchmarks.resolving.resolved:{what}", port)
            pid = stack.enter_context(serving(command, port, environment))
            competitor = Competitor(what, {"fast": f"http://127.0.0.1:{port}/"}, {}, (pid, postmaster()))
            cells[what] = Cell(competitor, "fast", CONNECTIONS, "done")
        connections.close_all()
        for cell in cells.values():
            cell.warm_up()
        for _ in range(ROUNDS):
            for cell in cells.values():
                cell.measure()
    return cells


def _each_second(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    for _ in range(OPENINGS):
        act()
    return OPENINGS / (time.perf_counter() - started)


def _aes_each_second() -> float:
    key, nonce = os.urandom(32), os.urandom(12)
    sealed = AESGCM(key).encrypt(nonce, VALUE.encode(), b"bound")
    return _each_second(lambda: AESGCM(key).decrypt(nonce, sealed, b"bound"))
