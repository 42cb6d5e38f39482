"""Findings about secrets, as queries. `FINDINGS` has an entry for each kind. No value is opened.

A finding selects secrets of an organization, describes the problem of each, and names the page that fixes it. Counts
stop at `COUNTED_AT_MOST`. Equal and short values cannot be found by a query; see `comparison`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import (
    BooleanField,
    Count,
    Exists,
    OuterRef,
    Value,
)
from django.utils import timezone

from accounts.common.environments import Environment
from accounts.common.paging import DEFAULT_LIMIT, Page, decode_cursor, encode_cursor
from accounts.common.when import in_words
from accounts.models import Organization
from secrets_app.hygiene.due import describe_overdue, select_expiring, select_overdue, with_oldest
from secrets_app.inventory.inventory import waiting_references
from secrets_app.models import Secret, SecretValue, reference_model
from secrets_app.naming import expiry, names
from secrets_app.querysets import SecretQuerySet
from secrets_app.sealing import keyring

UNUSED_DAYS = 90
NEW_DAYS = 7
"""For so long a new secret need not have been used."""
RISK, ROTATION, TIDY = "risk", "rotation", "tidy"

COUNTED_AT_MOST = 1000


@dataclass(frozen=True, slots=True)
class Fix:
    """The button of a row: its label, the route name of the page that it opens, and the field to jump to."""

    label: str
    route: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of finding. `select` keeps the affected secrets, and `describe` states the problem of one of them.

    `load` fetches what `describe` needs for the rows of one page, if annotating every secret would cost too much.
    """

    key: str
    group: str
    title: str
    why: str
    fix: Fix
    select: Callable[[SecretQuerySet, Organization], SecretQuerySet]
    describe: Callable[[Any], str]
    load: Callable[[list[Secret]], Iterable[Any]] | None = None


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A secret with a finding. `id` is None for a referenced name that no secret has."""

    id: Any
    name: str
    text: str


def _missing(secrets: SecretQuerySet, organization: Organization) -> SecretQuerySet:
    return secrets.missing(organization, keyring.held_ids())


def _with_status(secrets: list[Secret]) -> Iterable[Any]:
    rows = Secret.objects.filter(pk__in=[secret.pk for secret in secrets])
    return rows.with_status(keyring.held_ids()).alphabetical()


def _describe_missing(secret: Any) -> str:
    lacking = [environment.label for environment in Environment if getattr(secret, f"lacks_{environment.value}")]
    if not lacking:
        return "A stored value cannot be opened. Enter a new one."
    return f"No readable value in {' and '.join(lacking)}, where one is needed."


def _live_anywhere(secrets: SecretQuerySet, organization: Organization) -> SecretQuerySet:
    live = SecretValue.objects.current().filter(secret=OuterRef("pk"), environment=Environment.PRODUCTION.value)
    required = Value(organization.production_needs_domains, output_field=BooleanField())
    return secrets.filter(Exists(live), allowed_domains=[]).annotate(domains_required=required)


def _describe_live_anywhere(secret: Any) -> str:
    sentence = "Its Production value may be sent to any domain."
    if secret.domains_required:
        sentence += " This organization accepts no new one until the secret has allowed domains."
    return sentence


def _disabled_in_use(secrets: SecretQuerySet, _: Organization) -> SecretQuerySet:
    used = reference_model()._default_manager.filter(secret=OuterRef("pk"))
    return secrets.filter(Exists(used), enabled=False).with_usage_count()


def _unused(secrets: SecretQuerySet, _: Organization) -> SecretQuerySet:
    return secrets.filter(last_used_at__lt=timezone.now() - timedelta(days=UNUSED_DAYS))


def _never_used(secrets: SecretQuerySet, _: Organization) -> SecretQuerySet:
    return secrets.filter(last_used_at=None, created_at__lt=timezone.now() - timedelta(days=NEW_DAYS))


def _generic(secrets: SecretQuerySet, _: Organization) -> SecretQuerySet:
    return secrets.filter(name__iregex=names.GENERIC)


MISSING_NAMES = Finding(
    "missing-names",
    RISK,
    "Referenced, but no secret has this name",
    "Every call that needs it fails.",
    Fix("Create it", "secret-new"),
    lambda secrets, _: secrets.none(),
    lambda entry: f"Referenced {entry['n']} time{'' if entry['n'] == 1 else 's'}.",
)

FINDINGS = [
    MISSING_NAMES,
    Finding(
        "missing-values",
        RISK,
        "Missing value",
        "Calls in that environment fail.",
        Fix("Enter value", "secret-edit"),
        _missing,
        _describe_missing,
        _with_status,
    ),
    Finding(
        "no-domains",
        RISK,
        "Production value without allowed domains",
        "It could be sent to any server.",
        Fix("Add domains", "secret-edit", "f-domains"),
        _live_anywhere,
        _describe_live_anywhere,
    ),
    Finding(
        "disabled-in-use",
        RISK,
        "Disabled, but referenced",
        "Calls that need it are refused.",
        Fix("Enable…", "secret-edit", "f-enabled"),
        _disabled_in_use,
        lambda secret: f"{secret.usage_count} reference{'' if secret.usage_count == 1 else 's'} to it.",
    ),
    Finding(
        "rotation-overdue",
        ROTATION,
        "Rotation overdue",
        "The older a value, the more places may hold a copy.",
        Fix("Rotate", "secret-rotate"),
        select_overdue,
        describe_overdue,
        with_oldest,
    ),
    Finding(
        "expiring",
        ROTATION,
        f"Expires within {expiry.SOON_DAYS} days, or has expired",
        "Its provider refuses it afterwards.",
        Fix("Rotate", "secret-rotate"),
        select_expiring,
        lambda secret: f"{expiry.in_words(secret.expires_on)}.",
    ),
    Finding(
        "unused",
        TIDY,
        f"Unused for {UNUSED_DAYS} days or more",
        "Stale credentials are easy to forget and still work.",
        Fix("Delete…", "secret-delete"),
        _unused,
        lambda secret: f"Last used {in_words(secret.last_used_at, timezone.now())}.",
    ),
    Finding(
        "never-used",
        TIDY,
        "Never used",
        "No call has ever sent it.",
        Fix("Review", "secret-where-used"),
        _never_used,
        lambda secret: f"Saved {in_words(secret.created_at, timezone.now())}, never used.",
    ),
    Finding(
        "generic-name",
        TIDY,
        "Generic name",
        "It does not say what the key is for.",
        Fix("Rename", "secret-edit", "f-name"),
        _generic,
        lambda _: "Name the provider, the purpose and the environment.",
    ),
]
BY_KEY = {finding.key: finding for finding in FINDINGS}


def register(finding: Finding) -> None:
    """Add a finding of another app, which knows how secrets are used."""
    if finding.key not in BY_KEY:
        FINDINGS.append(finding)
        BY_KEY[finding.key] = finding


def count(organization: Organization, finding: Finding, text: str = "") -> int:
    """Count the rows of a finding, at most `COUNTED_AT_MOST + 1`.

    Args:
        text: count only names and descriptions that contain it.
    """
    if finding is MISSING_NAMES:
        missing_names = waiting_references(organization).filter(name__icontains=text).order_by().values("name")
        return missing_names.distinct()[: COUNTED_AT_MOST + 1].count()
    return _affected(organization, finding, text).order_by().values("pk")[: COUNTED_AT_MOST + 1].count()


def count_all(organization: Organization) -> int:
    """Count the rows of all findings, each at most as `count` does."""
    return sum(count(organization, finding) for finding in FINDINGS)


def page(
    organization: Organization, finding: Finding, text: str = "", *, cursor: str = "", limit: int = DEFAULT_LIMIT
) -> Page[FindingRow]:
    """Return the next page of rows of a finding, by name.

    Raises:
        Invalid: the cursor does not belong to this list.
    """
    after = decode_cursor(cursor, length=1)[0] if cursor else ""
    find = _waiting_rows if finding is MISSING_NAMES else _secret_rows
    rows = find(organization, finding, text, after, limit + 1)
    return Page(rows[:limit], encode_cursor([rows[limit - 1].name]) if len(rows) > limit else None)


def _affected(organization: Organization, finding: Finding, text: str) -> SecretQuerySet:
    return finding.select(Secret.objects.of(organization).search(text), organization)


def _secret_rows(organization: Organization, finding: Finding, text: str, after: str, limit: int) -> list[FindingRow]:
    found = list(_affected(organization, finding, text).filter(name__gt=after).alphabetical()[:limit])
    rows = finding.load(found) if finding.load else found
    return [FindingRow(secret.pk, secret.name, finding.describe(secret)) for secret in rows]


def _waiting_rows(organization: Organization, finding: Finding, text: str, after: str, limit: int) -> list[FindingRow]:
    waiting = waiting_references(organization).filter(name__gt=after, name__icontains=text)
    found = waiting.values("name").annotate(n=Count("pk")).order_by("name")[:limit]
    return [FindingRow(None, entry["name"], finding.describe(entry)) for entry in found]
