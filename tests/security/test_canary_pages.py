"""The leak crawl over pages: what was typed into forms and sent by the test panel is on no page of anybody."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from accounts.common.environments import Environment
from config.demo import upstream
from integrations.models import Run
from secrets_app.models import Secret, SecretValue
from tests.fixtures.browsers import browser_of
from tests.support.canary import (
    VALUES,
    cache_surface,
    database_surfaces,
    leaks,
    watched_logs,
)
from tests.support.staff import staff_browser
from tests.support.things import make_action, store_secret

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

LINK = re.compile(r'(?:href|hx-get)="(/[^"#]*)"')
TYPED = {f"value_{environment.value}": text for environment, text in VALUES.items()}


class Visitor:
    """Somebody's browser; keeps every answer, headers included."""

    def __init__(self, client: Client, name: str) -> None:
        self.client, self.name = client, name
        self.answers: dict[str, bytes] = {}

    def keep(self, response, label):
        heads = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
        content = b"".join(response.streaming_content) if response.streaming else response.content
        self.answers[f"{self.name} {len(self.answers)} {label} {response.status_code}"] = heads.encode() + content
        return content.decode("utf-8", "replace")

    def get(self, path):
        return self.keep(self.client.get(path), path)

    def post(self, path, **form):
        return self.keep(self.client.post(path, form, HTTP_HX_REQUEST="true"), f"POST {path}")

    def crawl(self, start):
        """Every page that can be reached by links from `start`, once; of each filter or order, one choice."""
        waiting, seen = [start], set()
        while waiting:
            path = waiting.pop().replace("&amp;", "&")
            parts = urlsplit(path)
            page = (parts.path, *sorted(parse_qs(parts.query, keep_blank_values=True)))
            if page in seen or "/static/" in path or "/signout" in path or "/logout" in path:
                continue
            seen.add(page)
            waiting += LINK.findall(self.get(path))
        return {path for path, *_ in seen}


@pytest.fixture
def staff(db) -> Client:
    return staff_browser(raise_request_exception=False)


def typed_in(visitor, slug):
    """The values, through the forms: first refused, then stored, then replaced."""
    new = f"/o/{slug}/secrets/new/"
    visitor.post(new, name="2 bad", mode="per-env", enabled="on", **TYPED)
    visitor.post(new, name="crm.apiKey", mode="shared", value_all=VALUES[Environment.STAGING] + "\0")
    visitor.post(new, name="crm.apiKey", mode="per-env", enabled="on", **TYPED)
    secret = Secret.objects.get()
    edit = reverse("secret-edit", args=[slug, secret.id])
    visitor.post(edit, mode="per-env", version="7", **TYPED)
    visitor.post(edit, mode="per-env", version="1", enabled="on", domains="*", **TYPED)
    visitor.post(edit, mode="per-env", version="1", enabled="on", description="Replaced", **TYPED)
    return secret


def sent_by_the_panel(visitor, slug, action):
    for environment in Environment:
        path = reverse("integration-test", args=[slug, action.id])
        visitor.post(path, environment=environment.value, confirm_production="on")


def rotated(visitor, slug, secret, environment):
    """The marked value through every step, refused ones among them, with a look at every page on the way."""
    base, value = reverse("secret-rotate", args=[slug, secret.id]), VALUES[environment]
    step = f"{base}{environment.value}/"
    visitor.post(base, environment=environment.value, value=value + "\0")
    visitor.post(base, environment=value, value=value)
    visitor.get(f"{base}?environment={environment.value}")
    visitor.post(base, environment=environment.value, value=value)
    visitor.get(step)
    for reference in secret.references.all():
        visitor.post(f"{step}check/{reference.id}/")
    visitor.keep(visitor.client.post(f"{step}check/"), "POST check")
    for address in (step, f"{step}promote/"):
        visitor.get(address)
    visitor.post(f"{step}promote/")
    visitor.post(f"{step}promote/", staged=value, accepted=value)
    staged = SecretValue.objects.get(state="staged")
    accepted = [f"{environment.value}:{reference.id}" for reference in secret.references.all()]
    visitor.post(f"{step}promote/", staged=f"{environment.value}:{staged.id}", accepted=accepted, accept_failures="on")
    visitor.get(f"{step}window/")


def rotated_everywhere(visitor, owner, base_url):
    """A secret whose values are the marked ones after a rotation; one is rolled back, of one the window is ended."""
    slug, secret = owner.organization.slug, store_secret(owner, "rotated.key", "the-value-before")
    place = {"uses": secret.name, "environments": list(Environment), "base_url": base_url}
    make_action(owner, "Checked", check={"method": "GET", "path": "/me"}, **place)
    make_action(owner, "Not checkable", **place)
    for environment in Environment:
        rotated(visitor, slug, secret, environment)
    visitor.post(f"{reverse('secret-rotate', args=[slug, secret.id])}staging/rollback/")
    visitor.post(f"{reverse('secret-rotate', args=[slug, secret.id])}production/finish/")
    states = set(SecretValue.objects.filter(secret=secret).exclude(sealed=None).values_list("environment", "state"))
    assert states == {("development", "current"), ("development", "previous"), ("staging", "current")} | {
        ("production", "current")
    }
    return secret


def looked_at(visitor, slug, secrets):
    """Everything that links lead to, and what opens by scripts; what was seen."""
    crawled = visitor.crawl(f"/o/{slug}/secrets/")
    for secret in secrets:
        visitor.get(reverse("secret-details", args=[slug, secret.id]))
        visitor.get(reverse("secret-rotate", args=[slug, secret.id]))
        visitor.post(reverse("secret-delete", args=[slug, secret.id]), confirm=secret.name)
    return crawled


def looked_at_by_staff(visitor, secrets):
    crawled = visitor.crawl("/admin/")
    assert {f"/admin/secrets_app/secret/{secret.id}/change/" for secret in secrets} <= crawled
    assert any("/accounts/auditevent/" in path for path in crawled)


def test_no_page_of_anybody_holds_a_value(owner, admin, member, outsider, staff):
    people = {"owner": owner, "admin": admin, "member": member, "outsider": outsider}
    visitors = {name: Visitor(browser_of(actor), name) for name, actor in people.items()}
    slug, received = owner.organization.slug, []
    with watched_logs() as logs, upstream.serving(0, received.append) as port:
        base_url = f"http://127.0.0.1:{port}"
        secrets = [typed_in(visitors["owner"], slug)]
        action = make_action(owner, environments=list(Environment), base_url=base_url)
        sent_by_the_panel(visitors["owner"], slug, action)
        sent = [request["headers"]["Authorization"] for request in received]
        assert sent == [f"Bearer {VALUES[environment]}" for environment in Environment]
        assert Run.objects.filter(outcome="succeeded").count() == 3
        secrets.append(rotated_everywhere(visitors["owner"], owner, base_url))
        assert {request["headers"]["Authorization"] for request in received[3:]} == set(sent)
        crawled = {name: looked_at(visitor, slug, secrets) for name, visitor in visitors.items()}
        visitors["staff"] = Visitor(staff, "staff")
        looked_at_by_staff(visitors["staff"], secrets)

    assert reverse("integration-new", args=[slug, "api_action"]) in crawled["owner"]
    answers = {name: page for visitor in visitors.values() for name, page in visitor.answers.items()}
    assert any("/window/ 200" in name for name in answers)
    assert len(answers) > 60
    assert leaks(answers | database_surfaces() | {"cache": cache_surface()}) == []
    assert (logs.seen, logs.lines > 0) == ([], True)
