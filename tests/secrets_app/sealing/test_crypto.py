"""What is sealed opens in its own context and nowhere else, and every failure looks the same."""

import traceback
from dataclasses import replace
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secrets_app.plaintext import Plaintext
from secrets_app.sealing import crypto
from secrets_app.sealing.crypto import (
    OVERHEAD,
    Undecryptable,
    ValueContext,
    new_data_key,
    open_value,
    seal_value,
    unwrap_data_key,
    wrap_data_key,
)

CANARY = "canary-7f3a-välue"
KEY = new_data_key()
CONTEXT = ValueContext(
    organization=UUID(int=1),
    secret=UUID(int=2),
    environment="staging",
    version=3,
    data_key=UUID(int=4),
    domains='["api.example.com"]',
)
WRAP = {"organization": UUID(int=1), "data_key_id": UUID(int=4), "master_key_id": "k1"}
SEALED_BYTES = OVERHEAD + len(CANARY.encode())
PARTS = {
    "magic": (0, 3),
    "algorithm": (3, 4),
    "data key id": (4, 20),
    "salt": (20, 52),
    "commitment": (52, 84),
    "nonce": (84, 96),
    "ciphertext": (96, SEALED_BYTES - 16),
    "tag": (SEALED_BYTES - 16, SEALED_BYTES),
}


def sealed():
    return seal_value(KEY, Plaintext(CANARY), CONTEXT)


def flipped(blob, at):
    return blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :]


@settings(max_examples=30)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_sealed_value_opens_to_the_same_text(text):
    blob = seal_value(KEY, Plaintext(text), CONTEXT)
    assert open_value(KEY, blob, CONTEXT).expose() == text
    assert len(blob) == OVERHEAD + len(text.encode())


def test_the_parts_cover_the_format_without_gaps():
    bounds = list(PARTS.values())
    assert bounds[0][0] == 0
    assert all(before[1] == after[0] for before, after in pairwise(bounds))
    assert bounds[-1][1] == len(sealed())


def test_the_header_names_format_algorithm_and_data_key():
    assert sealed()[:20] == b"CF2\x01" + CONTEXT.data_key.bytes


def test_sealing_twice_shares_neither_salt_nor_nonce_nor_ciphertext():
    first, second = sealed(), sealed()
    for part in ("salt", "commitment", "nonce", "ciphertext", "tag"):
        assert first[slice(*PARTS[part])] != second[slice(*PARTS[part])]


def test_sealed_bytes_do_not_contain_the_value():
    assert CANARY.encode() not in sealed()


@pytest.mark.parametrize("part", PARTS)
def test_a_flipped_bit_in_any_byte_does_not_open(part):
    blob = sealed()
    for at in range(*PARTS[part]):
        with pytest.raises(Undecryptable):
            open_value(KEY, flipped(blob, at), CONTEXT)


@pytest.mark.parametrize(
    "length", sorted({0, 1, *(end for _, end in PARTS.values())} - {SEALED_BYTES} | {SEALED_BYTES - 1})
)
def test_a_truncated_value_does_not_open(length):
    with pytest.raises(Undecryptable):
        open_value(KEY, sealed()[:length], CONTEXT)


def test_a_value_with_a_byte_more_does_not_open():
    with pytest.raises(Undecryptable):
        open_value(KEY, sealed() + b"\0", CONTEXT)


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"organization": UUID(int=9)},
        {"secret": UUID(int=9)},
        {"environment": "production"},
        {"environment": ""},
        {"version": 4},
        {"version": 33},
        {"data_key": UUID(int=9)},
        {"domains": '["api.example.com", "evil.example.net"]'},
        {"domains": "any host"},
        {"domains": ""},
        {"organization": CONTEXT.secret, "secret": CONTEXT.organization},
    ],
)
def test_a_value_does_not_open_in_another_context(elsewhere):
    with pytest.raises(Undecryptable):
        open_value(KEY, sealed(), replace(CONTEXT, **elsewhere))


@pytest.mark.parametrize("key", [new_data_key(), KEY[:16], KEY[:24], KEY + b"\0", b""])
def test_a_value_does_not_open_with_another_key(key):
    with pytest.raises(Undecryptable):
        open_value(key, sealed(), CONTEXT)


def test_the_commitment_is_checked_before_the_ciphertext(monkeypatch):
    blob = sealed()
    monkeypatch.setattr(crypto, "AESGCM", lambda _: pytest.fail("tried to decrypt"))
    with pytest.raises(Undecryptable):
        open_value(new_data_key(), blob, CONTEXT)


@pytest.mark.parametrize("key", [b"", KEY[:16], KEY[:24], KEY + b"\0"])
def test_only_32_bytes_are_a_key_for_sealing(key):
    with pytest.raises(ValueError, match="a key is 32 bytes"):
        seal_value(key, Plaintext(CANARY), CONTEXT)
    with pytest.raises(ValueError, match="a key is 32 bytes"):
        wrap_data_key(key, KEY, **WRAP)
    with pytest.raises(ValueError, match="a key is 32 bytes"):
        wrap_data_key(KEY, key, **WRAP)


def test_a_key_of_another_length_does_not_open_even_what_it_sealed(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(crypto, "_require_key", lambda _: None)
        blob = seal_value(KEY[:16], Plaintext(CANARY), CONTEXT)
    with pytest.raises(Undecryptable):
        open_value(KEY[:16], blob, CONTEXT)


def test_undecryptable_carries_nothing():
    with pytest.raises(Undecryptable) as caught:
        open_value(KEY, flipped(sealed(), 100), CONTEXT)
    assert caught.value.args == ()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    with pytest.raises(TypeError):
        Undecryptable("a reason")  # type: ignore[call-arg]


def test_text_that_utf8_cannot_carry_is_refused_without_the_text():
    with pytest.raises(ValueError, match="UTF-8") as caught:
        seal_value(KEY, Plaintext(CANARY + "\ud800"), CONTEXT)
    assert caught.value.__context__ is None
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_opened_bytes_that_are_not_text_do_not_open_and_leave_no_trace():
    blob = crypto._seal(KEY, b"canary\xff", crypto._VALUE, CONTEXT.data_key, crypto._value_fields(CONTEXT))
    with pytest.raises(Undecryptable) as caught:
        open_value(KEY, blob, CONTEXT)
    assert caught.value.__context__ is None


def test_fields_are_length_prefixed():
    assert crypto._length_prefixed(b"a", b"bc") != crypto._length_prefixed(b"ab", b"c")
    assert crypto._length_prefixed(b"ab", b"c") == b"\0\0\0\x02ab\0\0\0\x01c"
    assert crypto._length_prefixed(b"a") != crypto._length_prefixed(b"a", b"")


@pytest.mark.parametrize("organization", [UUID(int=1), None])
def test_a_wrapped_data_key_unwraps_to_itself(organization):
    data_key, where = new_data_key(), {**WRAP, "organization": organization}
    assert unwrap_data_key(KEY, wrap_data_key(KEY, data_key, **where), **where) == data_key


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"organization": UUID(int=9)},
        {"organization": None},
        {"organization": UUID(int=0)},
        {"data_key_id": UUID(int=9)},
        {"master_key_id": "k2"},
        {"master_key_id": ""},
    ],
)
def test_a_data_key_does_not_unwrap_in_another_context(elsewhere):
    wrapped = wrap_data_key(KEY, new_data_key(), **WRAP)
    with pytest.raises(Undecryptable):
        unwrap_data_key(KEY, wrapped, **{**WRAP, **elsewhere})


@pytest.mark.parametrize("organization", [UUID(int=0), UUID(int=1)])
def test_the_data_key_of_the_installation_belongs_to_no_organization(organization):
    wrapped = wrap_data_key(KEY, new_data_key(), **{**WRAP, "organization": None})
    with pytest.raises(Undecryptable):
        unwrap_data_key(KEY, wrapped, **{**WRAP, "organization": organization})


def test_a_data_key_does_not_unwrap_after_tampering_or_with_another_master_key():
    wrapped = wrap_data_key(KEY, new_data_key(), **WRAP)
    for at in range(len(wrapped)):
        with pytest.raises(Undecryptable):
            unwrap_data_key(KEY, flipped(wrapped, at), **WRAP)
    with pytest.raises(Undecryptable):
        unwrap_data_key(new_data_key(), wrapped, **WRAP)


def test_a_sealed_value_is_not_a_wrapped_key_and_the_reverse():
    with pytest.raises(Undecryptable):
        unwrap_data_key(KEY, seal_value(KEY, Plaintext("x" * 32), CONTEXT), **WRAP)
    with pytest.raises(Undecryptable):
        open_value(KEY, wrap_data_key(KEY, new_data_key(), **WRAP), CONTEXT)


def test_a_wrapped_key_of_another_length_does_not_unwrap():
    fields = crypto._wrap_fields(WRAP["organization"], WRAP["data_key_id"], WRAP["master_key_id"])
    wrapped = crypto._seal(KEY, b"x" * 16, crypto._DATA_KEY, WRAP["data_key_id"], fields)
    with pytest.raises(Undecryptable):
        unwrap_data_key(KEY, wrapped, **WRAP)


def test_new_data_keys_are_32_bytes_and_differ():
    keys = {new_data_key() for _ in range(20)}
    assert len(keys) == 20
    assert {len(key) for key in keys} == {32}


def old_form():
    fields = crypto._place_fields(CONTEXT)
    return crypto._seal(KEY, CANARY.encode(), crypto._OLD_VALUE, CONTEXT.data_key, fields)


def test_a_value_in_the_old_form_opens_for_the_upgrade_alone():
    assert crypto.is_old_value(old_form())
    assert not crypto.is_old_value(sealed())
    assert crypto.open_old_value(KEY, old_form(), CONTEXT).expose() == CANARY
    for blob in (old_form(), b"CF2" + old_form()[3:]):
        with pytest.raises(Undecryptable):
            open_value(KEY, blob, CONTEXT)
    for blob in (sealed(), b"CF1" + sealed()[3:]):
        with pytest.raises(Undecryptable):
            crypto.open_old_value(KEY, blob, CONTEXT)


def test_a_canary_opens_with_its_key_under_its_id_alone():
    canary = crypto.seal_canary(KEY, "k1")
    assert crypto.opens_canary(KEY, canary, "k1")
    assert not crypto.opens_canary(KEY, canary, "k2")
    assert not crypto.opens_canary(new_data_key(), canary, "k1")
    assert not crypto.opens_canary(b"", canary, "k1")


def test_a_session_opens_in_its_own_row_alone():
    key = crypto.session_key("django's secret key")
    blob = crypto.seal_session(key, CANARY, "row")
    assert crypto.open_session(key, blob, "row") == CANARY
    for other, row in ((key, "another row"), (crypto.session_key("another secret key"), "row")):
        with pytest.raises(Undecryptable):
            crypto.open_session(other, blob, row)


def test_every_organization_and_data_key_has_its_own_audit_key():
    keys = {crypto.audit_key(key, UUID(int=n)) for key in (KEY, new_data_key()) for n in (1, 2)}
    assert len(keys) == 4
    assert {len(key) for key in keys} == {32}
