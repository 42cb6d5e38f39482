"""The page of a SIP trunk: stored as typed, shown again, checked and tried from there."""

import json

import pytest
from django.urls import reverse

from integrations.models import Integration, Run
from tests.peers.registrar import Phone, registrar
from tests.peers.sip import reply, sip_over_udp
from tests.support.things import make_trunk, store_secret
from tests.support.web.sent_by_browsers import form_with

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("inline")]

SLUG = "harbor-clinics"
NEW = f"/o/{SLUG}/integrations/new/sip_trunk/"
PASSWORD = "s3cr3t-p@ss"
CHALLENGE = 'Digest realm="sip.test", nonce="n-1", qop="auth", algorithm=SHA-256'
TYPED = {
    "name": "Primary trunk",
    "enabled": "on",
    "environments": ["staging"],
    "direction": "outbound",
    "host": " sip.test ",
    "transport": "tls",
    "port": "",
    "numbers": "+49 40 5550 0100\r\n\r\n +49 40 5550 0101 \r\n",
    "username": "trunk1",
    "password": "{secrets.sip.password}",
    "realm": "sip.test",
    "sign_hosts": "198.51.100.7\r\n edge.sip.test ",
    "register": "on",
    "algorithms": ["SHA-256", "MD5"],
    "allowed_addresses": "192.0.2.0/24",
    "media_encryption": "required",
}
CONFIG = {
    "direction": "outbound",
    "host": "sip.test",
    "port": None,
    "transport": "tls",
    "username": "trunk1",
    "password": "{secrets.sip.password}",
    "realm": "sip.test",
    "empty_realm": False,
    "sign_hosts": ["198.51.100.7", "edge.sip.test"],
    "register": True,
    "algorithms": ["SHA-256", "MD5"],
    "numbers": ["+49 40 5550 0100", "+49 40 5550 0101"],
    "allowed_addresses": ["192.0.2.0/24"],
    "media_encryption": "required",
}


def page_of(trunk, name="integration-edit"):
    return reverse(name, args=[SLUG, trunk.id])


def errors_of(response):
    return {error.field: error.message for error in response.context["errors"]}


def test_a_new_trunk_is_stored_as_typed(as_owner, organization):
    response = as_owner.post(NEW, TYPED)
    trunk = Integration.objects.get()
    assert (response.status_code, response.url) == (303, page_of(trunk))
    assert trunk.config == CONFIG


def test_the_blank_form_makes_a_trunk_with_sensible_settings(as_owner, organization):
    page = as_owner.get(NEW)
    as_owner.post(
        NEW, form_with(page, "host") | {"name": "New", "host": "sip.test", "username": "a", "password": "{secrets.b}"}
    )
    assert Integration.objects.get().config == CONFIG | {
        "sign_hosts": [],
        "direction": "both",
        "username": "a",
        "password": "{secrets.b}",
        "realm": "",
        "register": False,
        "algorithms": ["SHA-512-256", "SHA-256", "MD5"],
        "numbers": [],
        "allowed_addresses": [],
        "media_encryption": "allowed",
    }


def test_a_stored_trunk_comes_back_and_saves_unchanged(as_owner, owner):
    trunk = make_trunk(owner, **CONFIG | {"port": 15061})
    page = as_owner.get(page_of(trunk))
    assert as_owner.post(page_of(trunk), form_with(page, "host")).status_code == 303
    trunk.refresh_from_db()
    assert (trunk.config, trunk.version) == (CONFIG | {"port": 15061}, 1)


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"host": ""}, "host"),
        ({"host": "sip:sip.test"}, "host"),
        ({"host": "10.0.0.1"}, "host"),
        ({"port": "many"}, "port"),
        ({"port": "70000"}, "port"),
        ({"port": "50.5"}, "port"),
        ({"password": ""}, "password"),
        ({"algorithms": []}, "algorithms"),
        ({"numbers": "call me"}, "numbers"),
        ({"allowed_addresses": "everybody"}, "allowed_addresses"),
    ],
)
def test_what_cannot_be_comes_back_with_the_reason_at_its_field(as_owner, organization, typed, field):
    response = as_owner.post(NEW, TYPED | typed)
    assert response.status_code == 422
    assert list(errors_of(response)) == [field]
    assert not Integration.objects.exists()


def test_who_may(as_member, as_outsider, owner):
    trunk = make_trunk(owner, **CONFIG)
    assert as_member.get(page_of(trunk)).status_code == 403
    assert as_outsider.get(page_of(trunk)).status_code == 404


def test_the_domain_check_is_about_the_sip_server(as_owner, owner):
    store_secret(owner, "sip.password", PASSWORD, allowed_domains=["*.carrier.example"])
    for host, allowed in (("sip.carrier.example", True), ("sip.test", False)):
        response = as_owner.post(f"{NEW}domain-check/", TYPED | {"host": host})
        (check,) = response.context["domain_checks"]
        assert (check.name, check.host, check.allowed) == ("sip.password", host, allowed)
    assert as_owner.post(f"{NEW}domain-check/", TYPED | {"host": ""}).context["domain_checks"] is None


def test_the_list_shows_where_it_goes(as_owner, owner):
    make_trunk(owner, **CONFIG)
    assert "sip.test over TLS" in as_owner.get(f"/o/{SLUG}/integrations/").content.decode()


def test_the_check_shows_its_steps(as_owner, owner):
    store_secret(owner, "sip.password", PASSWORD)
    answers = iter([["200 OK"], ["401 No", f"WWW-Authenticate: {CHALLENGE}"], ["403 <b>Forbidden</b>"]])
    with sip_over_udp(lambda request: [reply(request, *next(answers))]) as port:
        trunk = make_trunk(owner, **CONFIG | {"host": "127.0.0.1", "port": port, "transport": "udp"})
        shown = as_owner.post(page_of(trunk, "integration-check"), {"environment": "staging"}).content.decode()
    assert "The server answers: 200 OK." in shown
    assert "User name or password was refused: 403 &lt;b&gt;Forbidden&lt;/b&gt;." in shown
    assert "upstream_error" in shown


@pytest.mark.kamailio
def test_made_tried_and_run_against_a_registrar(as_owner, owner, tmp_path):
    store_secret(owner, "sip.password", PASSWORD)
    with registrar(tmp_path) as server:
        as_owner.post(NEW, TYPED | {"host": "127.0.0.1", "port": str(server.port), "transport": "tcp"})
        trunk, phone = Integration.objects.get(), Phone(server.port)
        shown = as_owner.post(page_of(trunk, "integration-check"), {"environment": "staging"}).content.decode()
        assert "User name and password were accepted, with MD5." in shown
        challenge = phone.send("REGISTER")[1]["www-authenticate"]
        arguments = {"arg_method": "REGISTER", "arg_uri": "sip:sip.test", "arg_challenge": challenge}
        sent = {"environment": "staging", "operation": "sign", **arguments}
        answer = as_owner.post(page_of(trunk, "integration-test"), sent).context["result"].body_text
        signed = json.loads(answer)
        assert phone.send("REGISTER", **{signed["header"]: signed["value"]})[0] == 200


def test_a_challenge_is_answered_from_the_page(as_owner, owner):
    store_secret(owner, "sip.password", PASSWORD)
    trunk = make_trunk(owner, **CONFIG)
    arguments = {"arg_method": "REGISTER", "arg_uri": "sip:sip.test", "arg_challenge": CHALLENGE, "arg_proxy": "false"}
    sent = {"environment": "staging", "operation": "sign", **arguments}
    shown = as_owner.post(page_of(trunk, "integration-test"), sent).content.decode()
    assert "Digest username=" in shown
    assert PASSWORD not in shown
    assert Run.objects.get().operation == "sign"
    refused = as_owner.post(page_of(trunk, "integration-test"), sent | {"arg_uri": "sip:evil.test"})
    assert refused.status_code == 422
    assert "The host of the URI is not the trunk" in refused.content.decode()
