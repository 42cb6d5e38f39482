"""`manage.py readiness`: a gate for deployments on the host."""

import pytest
from django.core.management import CommandError, call_command

from tests.support.things import make_action, store_secret

pytestmark = pytest.mark.django_db


def test_it_names_what_would_stop_a_run(organization, owner, capsys):
    make_action(owner)
    with pytest.raises(CommandError, match="1 of 1 would not run"):
        call_command("readiness", "--organization", organization.slug)
    assert capsys.readouterr().out.split("\t")[:3] == ["Look up patient", "staging", "secret_missing"]
    call_command("readiness", "--organization", organization.slug, "--environment", "production")
    store_secret(owner)
    call_command("readiness", "--organization", organization.slug)
    assert capsys.readouterr().out == "All 0 would run.\nAll 1 would run.\n"
