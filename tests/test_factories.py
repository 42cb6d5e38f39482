"""Every model has a factory, and each factory and each of its traits makes a valid row."""

import factory
import pytest
from django.apps import apps

from accounts.common.fields import EnvironmentsField
from accounts.models import ApiKey
from integrations.kinds import KINDS
from secrets_app.models import SecretValue
from secrets_app.sealing import keyring
from tests import factories
from tests.support.audit import chain_holds

pytestmark = pytest.mark.django_db

OURS = ["accounts", "secrets_app", "integrations"]
FACTORIES = [getattr(factories, name) for name in factories.__all__]
TRAITS = [
    (made, name)
    for made in FACTORIES
    for name, parameter in made._meta.parameters.items()
    if isinstance(parameter, factory.Trait)
]


def is_stored_and_valid(row):
    """Validate the row as it is read back.

    Whether a field may be empty is a rule of forms, and sets of environments have no form; constraints cover both.
    """
    row.refresh_from_db()
    row.full_clean(
        exclude={
            field.name
            for field in row._meta.concrete_fields
            if isinstance(field, EnvironmentsField) or getattr(row, field.attname) in field.empty_values
        }
    )
    return type(row)._default_manager.filter(pk=row.pk).exists()


def test_every_model_has_one_factory():
    models = {model for label in OURS for model in apps.get_app_config(label).get_models()}
    made = [made._meta.model for made in FACTORIES]
    assert models - set(made) == set()
    assert len(made) == len(set(made))


def test_every_kind_has_a_configuration():
    assert set(factories.integrations.CONFIGS) == set(KINDS)


@pytest.mark.parametrize("made", FACTORIES, ids=lambda made: made.__name__)
def test_factory_makes_valid_rows(made):
    assert all(is_stored_and_valid(row) for row in made.create_batch(2))


@pytest.mark.parametrize(("made", "trait"), TRAITS, ids=lambda part: getattr(part, "__name__", part))
def test_trait_makes_a_valid_row(made, trait):
    assert is_stored_and_valid(made(**{trait: True}))


def test_value_opens_to_its_text():
    row = SecretValue.objects.select_related("data_key", "secret").get(pk=factories.SecretValueFactory(text="abc").pk)
    assert keyring.unseal(row).expose() == "abc"


def test_references_are_derived_from_the_configuration():
    secret = factories.SecretFactory(name="crm.apiKey")
    integration = factories.IntegrationFactory(organization=secret.organization)
    assert [(row.name, row.secret, row.needed_in) for row in integration.references.all()] == [
        ("crm.apiKey", secret, integration.environments)
    ]


def test_text_of_a_key_that_was_given_opens_it():
    key = factories.accounts.new_key()
    made = factories.ApiKeyFactory(key=key)
    assert ApiKey.objects.get(prefix=key.prefix, digest=key.digest) == made


def test_events_continue_the_chain():
    organization = factories.OrganizationFactory()
    factories.AuditEventFactory.create_batch(3, organization_id=organization.id)
    assert chain_holds(organization)
