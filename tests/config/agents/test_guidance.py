"""What to do about a refused call, for each code that can stop one."""

from uuid import uuid4

import pytest
from django.test import Client

from accounts import errors as of_callers
from accounts.errors import Refusal
from config.agents.guidance import API_KEYS, FOR_AGENTS, PAGES, SECRETS, guidance
from config.http.errors import InternalError
from integrations import errors as of_runs
from secrets_app.errors import KeyUnavailable

ELSEWHERE = {
    "checks_failed", "edit_conflict", "integration_in_use", "invalid", "proof_needed", "raw_credential",
    "request_timed_out", "rollback_expired", "too_large", "request_unfinished", "document_unreadable", "plan_stale",
    "idempotency_key_reused", "already_decided", "approval_needed",
    "answer_withheld", "approval_not_possible", "path_not_allowed", "stream_not_possible",
}  # fmt: skip
"""Codes of editing, of the door and of answers that flow, which no call of a tool gets; `WAIT` tells of a held call."""


def refusals():
    defined = [*vars(of_callers).values(), *vars(of_runs).values(), KeyUnavailable, InternalError]
    classes = [each for each in defined if isinstance(each, type) and issubclass(each, Refusal)]
    return {each.code for each in classes if each is not Refusal}


def test_every_code_says_what_the_agent_can_do_or_which_page_a_person_opens():
    assert refusals() - ELSEWHERE <= PAGES.keys() | FOR_AGENTS.keys()
    assert not PAGES.keys() & FOR_AGENTS.keys()


@pytest.mark.django_db
@pytest.mark.parametrize("code", PAGES)
def test_every_page_is_an_address_of_the_site_that_signs_in_first(organization, settings, code):
    settings.SITE_URL = "https://coffer.example.com"
    refusal = Refusal("A sentence.")
    refusal.code = code
    refusal.members["secret"] = "crm.api key"
    what_to_do = guidance(refusal, organization, uuid4())
    assert what_to_do.page.startswith("https://coffer.example.com/o/harbor-clinics/")
    assert what_to_do.sentence.endswith(what_to_do.page)
    assert what_to_do.page.endswith("?q=crm.api+key") == (PAGES[code] == SECRETS)
    answer = Client().get(what_to_do.page.removeprefix("https://coffer.example.com"))
    assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, "/signin/")


def test_a_page_of_an_integration_needs_one(organization):
    refusal = of_runs.IntegrationDisabled("A sentence.")
    assert guidance(refusal, organization, None).page == ""
    assert PAGES["permission_denied"] == API_KEYS
