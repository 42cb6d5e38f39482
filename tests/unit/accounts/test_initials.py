"""The letters in an avatar."""

import pytest

from accounts.common.initials import initials


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Mara Lindqvist", "ML"),
        ("Voice Lab (sandbox)", "V("),
        ("Harbor", "HA"),
        ("x", "X"),
        ("jonas@harbor.example", "JO"),
        ("  Ada   Lovelace  ", "AL"),
        ("", ""),
        ("@", ""),
    ],
)
def test_initials(name, letters):
    assert initials(name) == letters
