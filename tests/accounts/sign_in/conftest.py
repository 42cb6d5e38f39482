"""What several tests of this folder use."""

import pytest
from django.core.cache import cache

from accounts.models import User
from accounts.people.people import create_person
from tests.support.web.sign_in_forms import EMAIL, PASSWORD


@pytest.fixture(autouse=True)
def fresh_limits():
    cache.clear()


@pytest.fixture
def mara() -> User:
    return create_person(email=EMAIL, name="Mara", password=PASSWORD)
