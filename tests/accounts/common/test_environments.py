"""The three environments, and a set of them in one column."""

import pytest
from django.db import IntegrityError, transaction

from accounts.common.environments import ALL_ENVIRONMENTS, Environment, from_mask, in_order, to_mask
from accounts.common.fields import EnvironmentsField
from accounts.models import ApiKey
from tests import factories

D, S, P = Environment

SETS = [(0, set()), (1, {D}), (2, {S}), (4, {P}), (3, {D, S}), (5, {D, P}), (6, {S, P}), (7, {D, S, P})]


@pytest.mark.parametrize(("mask", "environments"), SETS)
def test_mask_stands_for_a_set(mask, environments):
    assert to_mask(environments) == mask
    assert from_mask(mask) == environments


def test_words_and_letters():
    assert [(e.value, e.label, e.letter) for e in Environment] == [
        ("development", "Development", "D"),
        ("staging", "Staging", "S"),
        ("production", "Production", "P"),
    ]


def test_order_is_development_to_production():
    assert in_order({P, D}) == [D, P]
    assert in_order([P, S, P, D]) == [D, S, P] == in_order(ALL_ENVIRONMENTS)


@pytest.fixture
def keys(organization):
    """One key for each non-empty set, by mask."""
    return {
        mask: factories.ApiKeyFactory(organization=organization, name=str(mask), environments=environments)
        for mask, environments in SETS
        if mask
    }


def test_column_gives_back_what_it_was_given(keys):
    for mask, key in keys.items():
        key.refresh_from_db()
        assert key.environments == from_mask(mask)


@pytest.mark.parametrize("environment", Environment)
def test_lookup_finds_the_sets_that_hold_the_environment(keys, environment):
    found = {int(key.name) for key in ApiKey.objects.filter(environments__has=environment)}
    assert found == {mask for mask in keys if mask & environment.bit}


def test_lookup_takes_the_stored_word_and_no_other(keys):
    assert ApiKey.objects.filter(environments__has="staging").count() == 4
    with pytest.raises(ValueError):
        list(ApiKey.objects.filter(environments__has="everything"))


@pytest.mark.parametrize("mask", [0, 8, 15])
def test_database_refuses_a_key_for_no_environment_or_an_unknown_one(keys, mask):
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiKey.objects.filter(pk=keys[1].pk).update(environments=mask)


def test_field_reads_forms_of_input():
    field = EnvironmentsField()
    assert field.to_python(["staging", "production"]) == {S, P}
    assert field.to_python(5) == {D, P}
    assert field.to_python(None) is None
    with pytest.raises(ValueError):
        field.to_python(["live"])


def test_field_serialises_as_its_mask(keys):
    assert EnvironmentsField.value_to_string(ApiKey._meta.get_field("environments"), keys[6]) == "6"
