"""Browsers of the people everyone knows, as Django's test client."""

import pytest
from django.test import Client

from tests.signing_in import sign_in


def browser_of(actor) -> Client:
    return sign_in(Client(), actor)


@pytest.fixture
def as_owner(owner) -> Client:
    return browser_of(owner)


@pytest.fixture
def as_member(member) -> Client:
    return browser_of(member)


@pytest.fixture
def as_outsider(outsider) -> Client:
    return browser_of(outsider)
