"""Browsers of the people everyone knows, as Django's test client."""

import pytest
from django.test import Client

from accounts.models import User


def browser_of(actor) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=actor.id))
    return client


@pytest.fixture
def as_owner(owner) -> Client:
    return browser_of(owner)


@pytest.fixture
def as_member(member) -> Client:
    return browser_of(member)


@pytest.fixture
def as_outsider(outsider) -> Client:
    return browser_of(outsider)
