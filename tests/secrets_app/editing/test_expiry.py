"""The day on which a secret expires: entered, read from a value, kept, removed."""

import base64
import json
from datetime import UTC, date, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from accounts.common.environments import Environment
from accounts.errors import Invalid
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import update_secret
from secrets_app.models import Secret
from secrets_app.plaintext import Plaintext
from secrets_app.sealing.read_expiry import expiry_of, first_expiry
from tests.support.databases.undone import failures
from tests.support.things import store_secret

D, S, P = Environment
DAY = date(2031, 3, 31)


def token(claims):
    parts = [{"alg": "HS256"}, claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, "signature"])


def at_noon(day):
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def certificate(day):
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "crm")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(at_noon(day) - timedelta(days=90)).not_valid_after(at_noon(day))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def test_day_is_read_from_tokens_and_certificates():
    values = {
        "a token": token({"exp": at_noon(DAY).timestamp()}),
        "a token with white space": f" {token({'exp': int(at_noon(DAY).timestamp())})}\n",
        "a certificate": certificate(DAY),
        "the first certificate of a chain to expire": certificate(DAY + timedelta(days=700)) + certificate(DAY),
    }
    assert {what: expiry_of(Plaintext(value)) for what, value in values.items()} == dict.fromkeys(values, DAY)
    both = [None, Plaintext("neither"), Plaintext(certificate(DAY)), Plaintext(certificate(date(2040, 1, 1)))]
    assert first_expiry(both) == DAY


def test_values_without_a_day():
    values = [
        "sk_live_4711",
        token({}),
        token({"exp": "tomorrow"}),
        token({"exp": 1e300}),
        token([]),
        "a.b.c",
        "a.é.c",
        "a.\ud800.c",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    ]
    assert [value for value in values if expiry_of(Plaintext(value)) is not None] == []


@pytest.mark.django_db
def test_day_is_kept_changed_and_removed(owner):
    secret = store_secret(owner, expires_on=DAY)

    def day_after(**changes):
        update_secret(actor=owner, secret_id=secret.pk, changes=SecretChanges(**changes))
        return Secret.objects.get().expires_on

    assert day_after(description="About it") == DAY
    assert day_after(expires_on=date(2032, 1, 1)) == date(2032, 1, 1)
    assert day_after(values={P: Plaintext(certificate(DAY))}, expires_with_values=True) == DAY
    assert day_after(values={P: Plaintext("another-value-of-it")}) == DAY
    assert day_after(never_expires=True) is None
    values = {"environments": [D], "expires_with_values": True}
    assert store_secret(owner, "other", token({"exp": at_noon(DAY).timestamp()}), **values).expires_on == DAY


@pytest.mark.django_db
def test_day_that_is_none_is_refused(owner):
    secret = store_secret(owner)

    cases = {
        "before any": {"expires_on": date.min},
        "far away": {"expires_on": date(2200, 1, 1)},
        "no value states one": {"expires_with_values": True},
    }

    def refused(case):
        fields = cases[case]
        with pytest.raises(Invalid) as created:
            store_secret(owner, "other", **fields)
        with pytest.raises(Invalid) as edited:
            update_secret(actor=owner, secret_id=secret.pk, changes=SecretChanges(**fields))
        assert [error.field for error in (*created.value.errors, *edited.value.errors)] == ["expires_on"] * 2

    assert failures(cases, refused) == {}
    assert not Secret.objects.filter(name="other").exists()
