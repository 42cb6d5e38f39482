"""What every test may use: three people everyone knows (owner, colleague, stranger), and a closed network."""

import gc
import ipaddress
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase, override_settings

from accounts.actors import Actor, actor_for_member
from accounts.models import Organization
from accounts.policy import Role
from tests import factories
from tests.support.browser_sessions import use_cookies_of_coffer
from tests.support.databases.emptying import empty_tables

pytest_plugins = [
    "tests.fixtures.api",
    "tests.fixtures.authority",
    "tests.fixtures.browsers",
    "tests.fixtures.races",
    "tests.fixtures.runs",
    "tests.fixtures.upstreams",
]

TransactionTestCase.databases = {"default"}


TESTS = Path(__file__).parent
INTERFACES = {"api", "browser", "client", "demo", "web", "kinds"}
"""Folders of doors and of kinds: what they ask the database is asked by services, and tested with those."""

ON_POSTGRES = re.compile(r"\b(postgres|each_database)\b")
"""The marks of what runs on PostgreSQL all the same."""

QUERIES = {"db", "transactional_db", "live_server"}


def _is_for_postgres(item: pytest.Item) -> bool:
    return item.get_closest_marker("postgres") is not None


def _is_for_any(item: pytest.Item) -> bool:
    """Whether it would be the same on every database."""
    if _is_for_postgres(item) or item.get_closest_marker("each_database"):
        return False
    is_of_interface = not INTERFACES.isdisjoint(item.path.relative_to(TESTS).parts)
    return is_of_interface or item.get_closest_marker("sqlite") is not None or _asks_no_database(item)


def _asks_no_database(item: pytest.Item) -> bool:
    """Whether pytest-django would refuse it a query."""
    return item.get_closest_marker("django_db") is None and QUERIES.isdisjoint(item.fixturenames)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """On PostgreSQL, leave modules unread from which `pytest_collection_modifyitems` would take nothing."""
    if connection.vendor != "postgresql" or not collection_path.name.startswith("test_"):
        return None
    is_of_interface = not INTERFACES.isdisjoint(collection_path.relative_to(TESTS).parts)
    return True if is_of_interface and not ON_POSTGRES.search(collection_path.read_text()) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What both databases would only repeat runs on one of them.

    Tests that need threads which really run at once: on PostgreSQL, for SQLite has one writer by design. Pages, the
    API and its client, kinds, protocols, and what never asks a database: on SQLite.
    """
    on_postgres = connection.vendor == "postgresql"
    items[:] = [item for item in items if not (_is_for_any(item) if on_postgres else _is_for_postgres(item))]
    # The browser's driver keeps an event loop in this thread from its first use on: its tests come last.
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


def pytest_collection_finish() -> None:
    """What is loaded by now stays to the end: the collector of garbage need not go through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)


use_cookies_of_coffer()
TransactionTestCase._fixture_teardown = staticmethod(empty_tables)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup):
    """Database threads keep a connection each; they go before the test database does."""
    yield
    from accounts.common.database import close_connections

    close_connections()


@pytest.fixture(autouse=True, scope="session")
def closed_network() -> Iterator[None]:
    """No test reaches beyond this machine."""
    connect = socket.socket.connect

    def only_loopback(self: socket.socket, address):
        if self.family in {socket.AF_INET, socket.AF_INET6} and not ipaddress.ip_address(address[0]).is_loopback:
            raise AssertionError(f"A test tried to reach {address[0]}.")
        return connect(self, address)

    socket.socket.connect = only_loopback
    yield
    socket.socket.connect = connect


@pytest.fixture(autouse=True, scope="session")
def quick_settings() -> Iterator[None]:
    """Plain names of static files, for the hashed ones exist only after `collectstatic`; cheap password hashes."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    storages = {**settings.STORAGES, "staticfiles": plain}
    hashers = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with override_settings(STORAGES=storages, PASSWORD_HASHERS=hashers):
        yield


@pytest.fixture
def organization(db) -> Organization:
    """The organization that the owner, the admin and the member belong to."""
    return factories.OrganizationFactory(name="Harbor Clinics", slug="harbor-clinics")


@pytest.fixture
def owner(organization) -> Actor:
    """Mara owns the organization."""
    return actor_for_member(
        factories.MembershipFactory(organization=organization, role=Role.OWNER, user__name="Mara Lindqvist")
    )


@pytest.fixture
def admin(organization) -> Actor:
    """Tomás is an admin of it."""
    return actor_for_member(
        factories.MembershipFactory(organization=organization, role=Role.ADMIN, user__name="Tomás Ferreira")
    )


@pytest.fixture
def member(organization) -> Actor:
    """Jonas is a member of it."""
    return actor_for_member(
        factories.MembershipFactory(organization=organization, role=Role.MEMBER, user__name="Jonas Weber")
    )


@pytest.fixture
def outsider(db) -> Actor:
    """Somebody who owns another organization."""
    return actor_for_member(factories.MembershipFactory(organization__name="Finch Hospitality", role=Role.OWNER))
