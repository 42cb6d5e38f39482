"""Wildcards over names below which anybody gets a host."""

import pytest

from accounts.common.environments import Environment
from accounts.errors import Invalid
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import update_secret
from secrets_app.models import Secret
from secrets_app.naming.domains import BadDomain, allows, clean_domain, hosting_suffixes
from secrets_app.naming.hosts import to_a_labels
from secrets_app.plaintext import Plaintext
from tests.support.things import store_secret

NAMED_BY_ATTACKS = [
    "amazonaws.com", "eu-west-1.amazonaws.com", "execute-api.us-east-1.amazonaws.com", "s3.amazonaws.com",
    "webhook.site", "ngrok.io", "eu.ngrok.io", "ngrok-free.app", "trycloudflare.com", "loca.lt", "requestbin.net",
    "pipedream.net", "m.pipedream.net", "beeceptor.com", "oast.fun", "oastify.com", "interact.sh", "vercel.app",
    "pages.dev", "workers.dev", "netlify.app", "herokuapp.com", "onrender.com", "up.railway.app", "fly.dev",
    "azurewebsites.net", "cloudapp.azure.com", "westeurope.cloudapp.azure.com", "run.app", "a.run.app", "web.app",
    "cloudfront.net", "github.io", "nip.io", "sslip.io", "duckdns.org", "serveo.net", "devtunnels.ms", "ts.net",
]  # fmt: skip


@pytest.mark.parametrize("operator_hosts", [False, True])
def test_no_wildcard_covers_a_hosting_suffix(operator_hosts):
    accepted = []
    for base in [*NAMED_BY_ATTACKS, *(name for name in hosting_suffixes() if not name.startswith("*"))]:
        try:
            accepted.append(clean_domain(f"*.{base}", operator_hosts=operator_hosts))
        except BadDomain as problem:
            assert "Anyone can register a name" in str(problem)
    assert accepted == []


def test_own_names_below_a_hosting_suffix_stay_possible():
    for text in ("mine.vercel.app", "*.mine.vercel.app", "webhook.site", "*.mine.eu-west-1.amazonaws.com"):
        assert clean_domain(text) == text
    assert allows(["*.mine.vercel.app"], "api.mine.vercel.app")
    assert not allows(["*.mine.vercel.app"], "api.other.vercel.app")


@pytest.mark.django_db
def test_entry_that_was_stored_before_stays_until_the_list_changes(owner):
    secret = store_secret(owner, allowed_domains=["api.example.com"])
    Secret.objects.update(allowed_domains=["*.amazonaws.com"])
    kept = SecretChanges(description="x", allowed_domains=["*.amazonaws.com"])
    assert update_secret(actor=owner, secret_id=secret.id, changes=kept).description == "x"
    values = dict.fromkeys(Environment, Plaintext("another-value-0815"))
    more = SecretChanges(allowed_domains=["*.amazonaws.com", "*.ngrok.io"], values=values)
    with pytest.raises(Invalid) as refusal:
        update_secret(actor=owner, secret_id=secret.id, changes=more)
    assert [error.field for error in refusal.value.errors] == ["allowed_domains[1]"]


def test_the_file_holds_names_in_their_stored_form_once():
    names = hosting_suffixes()
    assert len(names) > 100
    for name in names:
        assert to_a_labels(name.removeprefix("*.")) == name.removeprefix("*.")
