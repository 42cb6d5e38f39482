"""The import page: check, decide, apply; the text goes in and is in no answer, row, session, message, cache or log."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.common.environments import Environment
from secrets_app.models import Secret, SecretValue
from secrets_app.sealing import keyring
from tests import factories
from tests.fixtures.browsers import browser_of
from tests.support.canary import (
    VALUES,
    cache_surface,
    database_surfaces,
    leaks,
    watched_logs,
)
from tests.support.sign_in import sign_in
from tests.support.things import store_secret

pytestmark = pytest.mark.django_db

PAGE = "/o/harbor-clinics/secrets/import/"
LIST = "/o/harbor-clinics/secrets/"
TEXT = "HUBSPOT_API_KEY=value-of-hubspot\nTWICE=value-first\nTWICE=value-second\n"


def sent(**fields):
    return {"environment": "staging", "dotenv": TEXT, "act": "check", **fields}


def token_of(response):
    return re.search(r'name="token" value="(\w+)"', response.content.decode())[1]


def opened():
    rows = SecretValue.objects.current().select_related("secret", "data_key").order_by("secret__name")
    return {(row.secret.name, row.environment): keyring.unseal(row).expose() for row in rows}


# What works


def test_check_then_import(as_owner):
    checked = as_owner.post(PAGE, sent())
    assert checked.status_code == 200
    assert Secret.objects.count() == 0
    assert "2 values can be imported into Staging" in checked.content.decode()
    done = as_owner.post(PAGE, sent(act="apply", token=token_of(checked)), follow=True)
    assert done.redirect_chain == [(LIST, 302)]
    assert "Imported into Staging: 2 created, 0 with a new value" in done.content.decode()
    assert opened() == {("HUBSPOT_API_KEY", "staging"): "value-of-hubspot", ("TWICE", "staging"): "value-second"}


def test_htmx_gets_the_fragment_and_then_leaves_for_the_list(as_owner):
    checked = as_owner.post(PAGE, sent(), HTTP_HX_REQUEST="true")
    assert "<html" not in checked.content.decode()
    done = as_owner.post(PAGE, sent(act="apply", token=token_of(checked)), HTTP_HX_REQUEST="true")
    assert (done.status_code, done.headers["HX-Redirect"]) == (200, LIST)


def test_file_is_taken_like_a_pasted_text(as_owner):
    file = SimpleUploadedFile(".env", "\ufeffFROM_FILE='value é\r\nof it'\r\n".encode())
    checked = as_owner.post(PAGE, sent(dotenv="", file=file))
    file.seek(0)
    as_owner.post(PAGE, sent(dotenv="", file=file, act="apply", token=token_of(checked)))
    assert opened() == {("FROM_FILE", "staging"): "value é\nof it"}


def test_proposed_name_is_filled_in_and_taken_by_the_next_check(as_owner):
    text = TEXT + "2FA_SEED=value-of-the-seed\n"
    page = as_owner.post(PAGE, sent(dotenv=text)).content.decode()
    assert 'name="wanted" value="FA_SEED"' in page
    assert 'value="apply"' not in page
    decided = sent(dotenv=text, written=["2FA_SEED"], wanted=["FA_SEED"])
    checked = as_owner.post(PAGE, decided)
    assert 'name="wanted" value="FA_SEED"' in checked.content.decode()
    as_owner.post(PAGE, decided | {"act": "apply", "token": token_of(checked)})
    assert Secret.objects.filter(name="FA_SEED").exists()


def test_line_is_left_out_and_short_values_are_said_to_be_meant(as_owner):
    text = "DEBUG=1\nPORT=8000\n"
    page = as_owner.post(PAGE, sent(dotenv=text)).content.decode()
    assert "2</span></div>" in page
    kept = sent(dotenv=text, written=["DEBUG", "PORT"], wanted=["DEBUG", "PORT"], left_out=["DEBUG"])
    assert "Store values under 8 characters anyway" in as_owner.post(PAGE, kept).content.decode()
    decided = kept | {"allow_short": "on"}
    checked = as_owner.post(PAGE, decided)
    as_owner.post(PAGE, decided | {"act": "apply", "token": token_of(checked)})
    assert opened() == {("PORT", "staging"): "8000"}


def test_inventory_leads_to_the_import_for_those_who_may(as_owner, as_member, owner):
    assert f'href="{PAGE}"' in as_owner.get(LIST).content.decode()
    store_secret(owner)
    assert f'href="{PAGE}"' in as_owner.get(LIST).content.decode()
    assert PAGE not in as_member.get(LIST).content.decode()


def test_thousands_of_decisions_fit_into_one_form(as_owner):
    text = "".join(f"{n}_KEY=value-of-{n}-it\n" for n in range(5000))
    written = [f"{n}_KEY" for n in range(5000)]
    decided = sent(dotenv=text, written=written, wanted=[f"KEY_{n}" for n in range(5000)], left_out=written[1:])
    checked = as_owner.post(PAGE, decided)
    assert as_owner.post(PAGE, decided | {"act": "apply", "token": token_of(checked)}).status_code == 302
    assert [secret.name for secret in Secret.objects.all()] == ["KEY_0"]


# Who may not


def test_member_and_outsider(as_member, as_outsider):
    assert as_member.get(PAGE).status_code == as_member.post(PAGE, sent()).status_code == 403
    assert as_outsider.get(PAGE).status_code == as_outsider.post(PAGE, sent()).status_code == 404


# What is refused


def test_import_of_something_else_than_was_checked_shows_it_first(as_owner, owner):
    checked = as_owner.post(PAGE, sent())
    store_secret(owner, "TWICE")
    refused = as_owner.post(PAGE, sent(act="apply", token=token_of(checked)))
    assert refused.status_code == 409
    assert "has changed since you checked" in refused.content.decode()
    assert Secret.objects.count() == 1
    assert token_of(refused) != token_of(checked)
    assert as_owner.post(PAGE, sent(act="apply", token=token_of(refused))).status_code == 302


def test_import_without_a_check_is_shown_first(as_owner):
    assert as_owner.post(PAGE, sent(act="apply")).status_code == 409
    assert Secret.objects.count() == 0


def test_import_with_a_refused_line_imports_nothing(as_owner):
    response = as_owner.post(PAGE, sent(dotenv=TEXT + "just a line", act="apply", token="x"))
    assert response.status_code == 422
    assert "Line 4" in response.content.decode()
    assert Secret.objects.count() == 0


ODD = {
    "nothing": ({"dotenv": " \n"}, "Paste the text of a .env file, or choose a file."),
    "both": ({"file": SimpleUploadedFile(".env", b"A=b")}, "Paste a text or choose a file, not both."),
    "no environment": ({"environment": "live"}, "Choose an environment."),
    "not UTF-8": ({"dotenv": "", "file": SimpleUploadedFile(".env", "A=bé".encode("utf-16"))}, "The file is not UTF-8"),
    "too large": ({"dotenv": "x" * 1_048_577}, "The text has more than 1 MiB."),
    "too large file": ({"dotenv": "", "file": SimpleUploadedFile(".env", b"x" * 1_048_577)}, "more than 1 MiB."),
    "too many": ({"dotenv": "A=value\n" * 5_001}, "The text has more than 5,000 entries."),
}


@pytest.mark.parametrize(("fields", "sentence"), ODD.values(), ids=ODD)
@pytest.mark.parametrize("act", ["check", "apply"])
def test_odd_submission_is_told_with_the_way_out(as_owner, fields, sentence, act):
    for file in (value for value in fields.values() if isinstance(value, SimpleUploadedFile)):
        file.seek(0)
    response = as_owner.post(PAGE, sent(act=act) | fields)
    assert response.status_code == 422
    assert sentence in response.content.decode()


def test_file_above_the_memory_limit_is_dropped_unwritten_and_told(as_owner, monkeypatch):
    import tempfile

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", None)
    file = SimpleUploadedFile(".env", b"x" * 2_700_000)
    response = as_owner.post(PAGE, sent(dotenv="", file=file))
    assert response.status_code == 422
    assert "The text has more than 1 MiB." in response.content.decode()


def test_text_above_the_cap_of_a_request_has_its_page(as_owner):
    response = as_owner.post(PAGE, sent(dotenv="x" * 2_700_000))
    assert response.status_code == 413
    assert "up to 1 MiB" in response.content.decode()


def test_text_in_the_address_is_refused_before_anybody_reads_it(as_owner):
    assert as_owner.get(PAGE, {"dotenv": "A=b"}).status_code == 400


# Leaks


def hostile_texts():
    values = [VALUES[environment] for environment in Environment]
    yield "\n".join(f"GOOD_{n}='{value}'" for n, value in enumerate(values))
    yield "\n".join(
        [*values, f"2BAD='{values[0]}'", f"{values[1]}={values[2]}", f"DUP='{values[0]}'\ndup='{values[1]}'"]
    )
    yield f"OPEN='{values[0]}\n{values[1]}\n{values[2]}"
    yield f"PEM=-----BEGIN KEY-----\n{values[0]}\n{values[1]}==\n-----END KEY-----"
    yield f"AFTER='{values[0]}' {values[1]}"
    yield f"LONG='{values[0] * 3000}'\nNUL='{values[1]}\0'"


@pytest.mark.django_db(transaction=True)
def test_text_is_in_no_answer_row_session_cache_or_log(owner, settings):
    client, answers = browser_of(owner), {}

    def post(label, **fields):
        response = client.post(PAGE, sent(**fields), HTTP_HX_REQUEST="true")
        heads = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
        answers[f"{label} {response.status_code}"] = heads.encode() + response.content
        return response

    with watched_logs() as logs:
        for number, text in enumerate(hostile_texts()):
            checked = post(f"check {number}", dotenv=text)
            file = SimpleUploadedFile(".env", text.encode())
            post(f"file {number}", dotenv="", file=file)
            post(f"both {number}", file=SimpleUploadedFile(".env", text.encode()), dotenv=text)
            post(f"apply {number}", dotenv=text, act="apply", token=token_of(checked))
        for path in (LIST, PAGE):
            answers[path] = client.get(path).content
        answers["staff"] = staff_list()
    assert {row.environment for row in SecretValue.objects.current()} == {"staging"}
    assert set(opened().values()) == set(VALUES.values())
    assert leaks(answers | database_surfaces() | {"cache": cache_surface()}) == []
    assert (logs.seen, logs.lines > 0) == ([], True)


def staff_list():
    client = Client()
    sign_in(client, factories.UserFactory(staff=True))
    return client.get("/admin/accounts/auditevent/").content + client.get("/admin/secrets_app/secret/").content
