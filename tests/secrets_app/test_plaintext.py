"""The opaque carrier gives its text through `expose()` and through nothing else."""

import copy
import json
import operator
import pickle
import pprint
import traceback

import pytest

from secrets_app.plaintext import Plaintext

CANARY = "canary-7f3a-value"


def test_expose_returns_the_text_unchanged():
    assert Plaintext("  two\nlines ").expose() == "  two\nlines "


def test_repr_is_the_same_constant_for_every_value():
    assert repr(Plaintext(CANARY)) == repr(Plaintext("")) == "<Plaintext>"
    assert pprint.pformat({"value": [Plaintext(CANARY)]}) == "{'value': [<Plaintext>]}"


@pytest.mark.parametrize(
    "use",
    [
        str,
        format,
        lambda value: f"{value}",
        lambda value: "%s" % value,  # noqa: UP031
        bool,
        len,
        list,
        bytes,
        hash,
        json.dumps,
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        lambda value: value == value,  # noqa: PLR0124
        lambda value: value != CANARY,
        lambda value: operator.eq(CANARY, value),
        lambda value: {value},
        lambda value: value + "",
        lambda value: value < value,  # noqa: PLR0124
        lambda value: "a" in value,
        lambda value: value[0],
        vars,
    ],
)
def test_any_other_use_is_a_type_error_without_the_text(use):
    with pytest.raises(TypeError) as caught:
        use(Plaintext(CANARY))
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_only_text_can_be_held():
    with pytest.raises(TypeError):
        Plaintext(CANARY.encode())  # type: ignore[arg-type]
