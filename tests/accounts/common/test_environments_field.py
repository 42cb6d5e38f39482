"""How the Django admin shows a set of environments."""

from itertools import combinations

import pytest
from django.apps import apps
from django.contrib.admin.utils import display_for_field

from accounts.common.environments import Environment
from accounts.common.fields import EnvironmentsField

SHOWN = [subset for size in (1, 2, 3) for subset in combinations(Environment, size)]
COLUMNS = [
    pytest.param(field, id=str(field))
    for model in apps.get_models()
    for field in model._meta.get_fields()
    if isinstance(field, EnvironmentsField)
]


def test_there_are_columns_to_look_at():
    assert len(COLUMNS) >= 4


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("environments", SHOWN)
def test_set_is_shown_by_labels_in_order(column, environments):
    labels = ", ".join(environment.label for environment in environments)
    assert display_for_field(frozenset(environments), column, "-") == labels


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("nothing", [frozenset(), None])
def test_empty_set_is_shown_as_the_empty_value(column, nothing):
    assert display_for_field(nothing, column, "-") == "-"


@pytest.mark.parametrize("column", COLUMNS)
def test_labels_are_no_choices_that_a_migration_would_keep(column):
    assert "choices" not in column.deconstruct()[3]
