"""Occurrences: written with what they are about, or not at all; and once where only one is wanted."""

import pytest
from django.db import transaction

from accounts.occurrences import Occurred, Occurrence, record
from tests.factories import OrganizationFactory

pytestmark = pytest.mark.django_db


def stored():
    return list(Occurrence.objects.order_by("created_at").values_list("type", "data"))


def test_an_occurrence_is_written_with_its_transaction():
    organization = OrganizationFactory()
    key = {"api_key": {"id": "6f1c", "name": "deploy"}}
    record(organization.pk, Occurred.API_KEY_FIRST_USED, key)
    with transaction.atomic():
        record(organization.pk, Occurred.INTEGRATION_FAILING, {})
        transaction.set_rollback(True)
    assert stored() == [("api_key.first_used", key)]


def test_what_must_be_told_once_is_written_once():
    organizations = OrganizationFactory.create_batch(2)
    for organization in (*organizations, *organizations):
        with transaction.atomic():
            record(organization.pk, Occurred.RUN_REFUSED_DOMAIN, {}, once="crm:api.example.com:2026-11-29T14")
            record(organization.pk, Occurred.SECRET_DUE, {}, once="crm:api.example.com:2026-11-29T14")
            record(organization.pk, Occurred.INTEGRATION_FAILING, {})
    assert sorted(kind for kind, _ in stored()) == sorted(
        2 * ["run.refused_domain", "secret.due", "integration.failing", "integration.failing"]
    )


def test_a_long_key_fits():
    record(OrganizationFactory().pk, Occurred.RUN_REFUSED_DOMAIN, {}, once="host" * 200)
    assert len(stored()) == 1
