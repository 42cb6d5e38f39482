"""The settings page of an organization, and its deletion. For owners."""

import re
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.access.step_up import Proof
from accounts.actors import Actor
from accounts.common.bounds import (
    APPROVAL_DAYS,
    LONGEST_APPROVAL_DAYS,
    LONGEST_ROLLBACK_HOURS,
    LONGEST_RUN_DAYS,
    SHORTEST_RUN_DAYS,
)
from accounts.errors import EditConflict, FieldError, Invalid
from accounts.people import members
from accounts.people.organization_deletion import delete_organization, deletion_counts
from accounts.people.organization_settings import (
    OrganizationSettings,
    answer_about_domains,
    change_settings,
    settings_of,
)
from accounts.policy import Permission
from accounts.web.replies import is_fragment, see_other

NUMBER = re.compile(r"[0-9]{1,9}\Z", re.ASCII)
NO_NUMBER = 0
"""Stands for a text that is not a number; it is out of range for every setting."""
NUMBERS = ("rollback_hours", "run_days", "approval_days")
"""The settings that are numbers, or left to the installation."""
NONE, PRODUCTION, EVERY = "none", "production", "every"
DOMAINS_NEEDED = (
    (NONE, "Not needed", "A secret without allowed domains can be sent to any domain."),
    (PRODUCTION, "For Production values", "A new Production value is refused for a secret without allowed domains."),
    (EVERY, "For every value", "A new value is refused in every environment."),
)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.ORGANIZATION_MANAGE, proof=Proof.PAGE)
def index(request: CofferRequest, actor: Actor) -> HttpResponse:
    """GET shows the form; POST saves the settings."""
    if request.method != "POST":
        return _form(request, actor, _shown(settings_of(actor.organization)))
    try:
        change_settings(
            actor=actor, wanted=_submitted(request.POST), expected_version=_number(request.POST.get("version", ""))
        )
    except EditConflict as refusal:
        return _form(request, actor, _sent(request.POST), [FieldError("", refusal.detail)])
    except Invalid as refusal:
        return _form(request, actor, _sent(request.POST), refusal.errors)
    messages.success(request, "Saved the settings")
    return see_other("settings", actor.organization.slug)


@require_POST
@requires(Permission.ORGANIZATION_MANAGE)
def domains(request: CofferRequest, actor: Actor) -> HttpResponse:
    """POST answers the question of a new organization; the form that asked it stays as it is."""
    organization = answer_about_domains(actor=actor, every_value=request.POST.get("answer") == EVERY)
    if not is_fragment(request):
        return see_other("secret-new", organization.slug)
    return render(request, "accounts/settings/_domains_answered.html", {"organization": organization})


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.ORGANIZATION_MANAGE, proof=Proof.PAGE)
def delete(request: CofferRequest, actor: Actor) -> HttpResponse:
    """GET shows what is deleted and asks for the organization's name; POST deletes the organization."""
    errors: list[FieldError] = []
    if request.method == "POST":
        try:
            delete_organization(actor=actor, typed=request.POST.get("confirm", ""))
        except Invalid as refusal:
            errors = refusal.errors
        else:
            messages.success(request, f"Deleted {actor.organization.name}")
            return see_other("home")
    template = "_delete_dialog" if is_fragment(request) else "delete"
    context = {"errors": errors, "counts": deletion_counts(actor.organization)}
    return render(request, f"accounts/settings/{template}.html", context, status=422 if errors else 200)


def _submitted(post: QueryDict) -> OrganizationSettings:
    return OrganizationSettings(
        name=post.get("name", ""),
        require_mfa="require_mfa" in post,
        production_needs_domains=post.get("domains_needed") in {PRODUCTION, EVERY},
        every_value_needs_domains=post.get("domains_needed") == EVERY,
        rollback_hours=_number(post.get("rollback_hours", "")),
        run_days=_number(post.get("run_days", "")),
        asks_unless_read_only="asks_unless_read_only" in post,
        approval_days=_number(post.get("approval_days", "")),
    )


def _number(text: str) -> int | None:
    """Return a number, None for an empty text, or `NO_NUMBER`, which the service refuses, for any other text."""
    text = text.strip()
    if not text:
        return None
    return int(text) if NUMBER.match(text) else NO_NUMBER


def _shown(stored: OrganizationSettings) -> dict[str, Any]:
    """Return the settings as values of the form's fields."""
    return {
        "name": stored.name,
        "require_mfa": stored.require_mfa,
        "domains_needed": EVERY
        if stored.every_value_needs_domains
        else PRODUCTION
        if stored.production_needs_domains
        else NONE,
        "asks_unless_read_only": stored.asks_unless_read_only,
        **{name: "" if (number := getattr(stored, name)) is None else str(number) for name in NUMBERS},
    }


def _sent(post: QueryDict) -> dict[str, Any]:
    """Return what was submitted, to fill the form after a refusal."""
    numbers = {name: post.get(name, "") for name in NUMBERS}
    return _shown(_submitted(post)) | numbers


def _form(
    request: CofferRequest, actor: Actor, values: dict[str, Any], errors: list[FieldError] | None = None
) -> HttpResponse:
    context = {
        "values": values,
        "errors": errors or [],
        "domains_needed": DOMAINS_NEEDED,
        "version": actor.organization.version,
        "defaults": {
            "rollback_hours": settings.ROLLBACK_HOURS,
            "run_days": settings.RUN_DAYS,
            "approval_days": APPROVAL_DAYS,
        },
        "bounds": {
            "rollback_hours": LONGEST_ROLLBACK_HOURS,
            "fewest_run_days": SHORTEST_RUN_DAYS,
            "run_days": LONGEST_RUN_DAYS,
            "approval_days": LONGEST_APPROVAL_DAYS,
        },
        "without_second_factor": members.without_second_factor(actor),
    }
    return render(request, "accounts/settings/index.html", context, status=422 if errors else 200)
