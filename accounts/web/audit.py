"""The audit log: a page with its filters in the URL, and exports of the same events."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.access.step_up import Proof
from accounts.actors import Actor, ActorKind
from accounts.api.audit_export import streamed
from accounts.api.authentication import searchable
from accounts.api.files import Format
from accounts.audit import log, wording
from accounts.audit.log import AuditFilters
from accounts.audit.trail import Event, Outcome
from accounts.common.environments import Environment
from accounts.common.paging import Page
from accounts.errors import FieldError, Invalid
from accounts.models import ApiKey, AuditEvent, Membership
from accounts.policy import Permission
from accounts.web.replies import is_fragment

ROWS_PER_PAGE = 50
OFFERED_AT_MOST = 200
"""People and API keys in the filter. Links on the rows filter by everybody else."""
FILTERS = ("event", "actor", "target", "outcome", "since", "until")
ICONS = {ActorKind.API_KEY.value: "file-key", ActorKind.COMMAND.value: "server"}
KINDS = {ActorKind.API_KEY.value: "API key", ActorKind.COMMAND.value: "On the server", ActorKind.STAFF.value: "Staff"}


@dataclass
class AuditRow:
    """One event as the page shows it. `chosen` holds the page's filters, for links that keep them."""

    event: AuditEvent
    chosen: dict[str, str]

    @cached_property
    def sentence(self) -> str:
        """What was done, without the name of the target."""
        return (wording.attempt_sentence if self.is_refused else wording.sentence)(self.event.event)

    @cached_property
    def is_refused(self) -> bool:
        """Whether the event is a refused attempt."""
        return self.event.outcome == Outcome.REFUSED

    @cached_property
    def reason(self) -> str:
        """Why the attempt was refused; empty for an action that was carried out."""
        return wording.visible(str(self.event.data.get("reason", ""))) if self.is_refused else ""

    @cached_property
    def actor(self) -> str:
        """The name of the actor."""
        return wording.visible(self.event.actor_label)

    @cached_property
    def target(self) -> str:
        """The name of the target, or its id if the organization has no such object."""
        return wording.visible(self.event.target_label or str(self.event.target_id or ""))

    @cached_property
    def icon(self) -> str:
        """The icon of an actor that has no initials."""
        return ICONS.get(self.event.actor_kind, "")

    @cached_property
    def via(self) -> str:
        """The kind of actor and the client's address."""
        parts = [KINDS.get(self.event.actor_kind, ""), self.event.address or ""]
        return " · ".join(part for part in parts if part)

    @cached_property
    def environment(self) -> str:
        """The label of the environment; empty if there is none."""
        known = {environment.value: environment.label for environment in Environment}
        return known.get(self.event.environment, self.event.environment)

    @cached_property
    def details(self) -> list[tuple[str, str]]:
        """The details that a row shows when it is opened."""
        return wording.details({name: value for name, value in self.event.data.items() if name != "run_id"})

    @cached_property
    def run_id(self) -> str:
        """The id of the run that the event is about; empty if there is none."""
        found = str(self.event.data.get("run_id", ""))
        return found if log.UUID_TEXT.fullmatch(found) else ""

    @cached_property
    def of_actor(self) -> str:
        """The query string of this actor's events."""
        return _query(self.chosen | {"actor": str(self.event.actor_id or self.event.actor_label)})

    @cached_property
    def of_target(self) -> str:
        """The query string of this target's events."""
        return _query(self.chosen | {"target": str(self.event.target_id or self.event.target_label)})


@require_GET
@requires(Permission.AUDIT_READ)
def index(request: CofferRequest, actor: Actor) -> HttpResponse:
    """GET shows one page; htmx gets only the list."""
    chosen = _chosen(request)
    context = listed(request, actor, chosen)
    status = context["refusal"].status if context["refusal"] else 200
    if is_fragment(request):
        return render(request, "accounts/_audit_log.html", context, status=status)
    return render(request, "accounts/audit.html", context | _choices(actor, chosen), status=status)


def listed(request: CofferRequest, actor: Actor, chosen: dict[str, str], log_url: str = "") -> dict[str, Any]:
    """Return the context of a page of the list.

    Args:
        chosen: the filters, as in the URL.
        log_url: the page that the links on rows open; by default the page itself.
    """
    chosen, refusal = dict.fromkeys(FILTERS, "") | chosen, None
    cursor = request.GET.get("cursor", "")
    page: Page[AuditEvent] = Page([], None)
    try:
        page = log.page(actor, _filters(chosen), cursor=cursor, limit=ROWS_PER_PAGE)
    except Invalid as refused:
        refusal = refused
    return {
        "rows": [AuditRow(event, chosen) for event in page.items],
        "filters": chosen,
        "log_url": log_url,
        "is_filtered": any(chosen.values()),
        "refusal": refusal,
        "is_fragment": is_fragment(request),
        "query": _query(chosen),
        "newest_url": f"{request.path}?{_query(chosen)}".rstrip("?") if cursor else "",
        "next_url": f"{request.path}?{_query(chosen | {'cursor': page.next_cursor})}" if page.next_cursor else "",
    }


@require_GET
@requires(Permission.AUDIT_READ, proof=Proof.ACT)
def as_csv(request: CofferRequest, actor: Actor) -> StreamingHttpResponse:
    """GET streams the filtered events as CSV."""
    return streamed(request, actor, _filters(_chosen(request)), Format.CSV)


@require_GET
@requires(Permission.AUDIT_READ, proof=Proof.ACT)
def as_json_lines(request: CofferRequest, actor: Actor) -> StreamingHttpResponse:
    """GET streams the filtered events as JSON Lines."""
    return streamed(request, actor, _filters(_chosen(request)), Format.JSON_LINES)


def _chosen(request: CofferRequest) -> dict[str, str]:
    return {name: searchable(request.GET.get(name, "")).strip() for name in FILTERS}


def _filters(chosen: dict[str, str]) -> AuditFilters:
    """Return the filters in the URL.

    Raises:
        Invalid: the event, the outcome or a day does not exist.
    """
    if chosen["event"] and chosen["event"] not in set(Event):
        raise Invalid("There is no such event.", errors=[FieldError("event", "Choose one from the list.")])
    if chosen["outcome"] and chosen["outcome"] not in set(Outcome):
        raise Invalid("There is no such outcome.", errors=[FieldError("outcome", "Choose one from the list.")])
    last = _day(chosen, "until")
    return AuditFilters(
        event=chosen["event"],
        actor=chosen["actor"],
        target=chosen["target"],
        outcome=chosen["outcome"],
        since=_day(chosen, "since"),
        until=last + timedelta(days=1) if last else None,
    )


def _day(chosen: dict[str, str], name: str) -> datetime | None:
    """Return the start of a day in UTC, or None if no day is chosen."""
    if not chosen[name]:
        return None
    try:
        day = date.fromisoformat(chosen[name])
    except ValueError:
        day = date.max
    if day == date.max:
        raise Invalid("This is not a date.", errors=[FieldError(name, "Write a date like 2026-11-20.")])
    return datetime.combine(day, time(), UTC)


def _choices(actor: Actor, chosen: dict[str, str]) -> dict[str, Any]:
    """Return the choices that the filters offer."""
    members = Membership.objects.filter(organization=actor.organization).select_related("user").order_by("user__name")
    keys = ApiKey.objects.filter(organization=actor.organization, parent=None).order_by("name", "prefix")
    people = [(str(member.user_id), str(member.user)) for member in members[:OFFERED_AT_MOST]]
    programs = [(str(key_id), name) for key_id, name in keys.values_list("id", "name")[:OFFERED_AT_MOST]]
    offered = {"", *(value for value, _ in people + programs)}
    return {
        "people": people,
        "programs": programs,
        "somebody_else": "" if chosen["actor"] in offered else _label(actor, chosen["actor"]),
        "outcomes": [("", "All"), *((outcome.value, outcome.label) for outcome in Outcome)],
        "events": [
            (thing, [(event.value, wording.choice_label(event.value)) for event in found])
            for thing, found in groupby(sorted(Event), key=lambda event: wording.heading(event.value))
        ],
    }


def _label(actor: Actor, chosen: str) -> str:
    """Return the name of an actor whom the filter does not offer."""
    return log.label_of(actor, AuditFilters(actor=chosen)) or chosen


def _query(values: dict[str, str]) -> str:
    return urlencode({name: value for name, value in values.items() if value})
