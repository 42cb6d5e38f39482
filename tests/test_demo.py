"""The demo of `make run`: complete, believable, loaded once."""

import stat

import pytest

from accounts.models import Membership, User
from accounts.policy import Role
from config.demo import loading, people, upstream
from integrations.models import Integration, Run
from secrets_app.inventory import inventory
from secrets_app.models import Secret

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def loaded(monkeypatch, tmp_path):
    """The demo in the test database, its echo upstream on a free port; what that received."""
    monkeypatch.setattr(people, "SIGN_IN_FILE", tmp_path / "sign-in.json")
    received = []
    with upstream.serving(0, received.append) as port:
        monkeypatch.setattr(loading, "ECHO_URL", f"http://127.0.0.1:{port}")
        assert loading.is_possible()
        loading.load_demo()
    return received


def test_every_role_can_sign_in_with_the_printed_password(loaded, client):
    roles = []
    for line in people.sign_in_lines():
        role, email, password = line.split()
        assert client.login(username=email, password=password) or User.objects.get(email=email).check_password(password)
        roles.append(role)
    assert roles == ["Owner", "Admin", "Member"]
    assert stat.S_IMODE(people.SIGN_IN_FILE.stat().st_mode) == 0o600


def test_there_is_something_of_everything(loaded):
    organization = Membership.objects.get(role=Role.ADMIN).organization
    counts = inventory.counts(organization)
    assert all(counts[status] for status in ("active", "disabled", "missing"))
    assert {integration.kind for integration in Integration.objects.all()} == {"api_action", "auth_connector"}
    assert Run.objects.count() > 100


def test_the_last_runs_really_called_the_upstream(loaded):
    assert {request["path"].split("?")[0] for request in loaded} == {
        "/v2/harbor-altona/patients",
        "/v2/tasks",
        "/hooks/test",
    }
    assert Secret.objects.get(name="crm.apiKey").last_used_at is not None


def test_nothing_is_loaded_over_what_is_there(loaded):
    assert not loading.is_possible()
