"""Verifies the audit log: `manage.py verify_audit [--organization SLUG] [--head FILE] [--export-head FILE]`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError
from typing_extensions import override

from accounts.audit import chain, heads
from accounts.audit.chain import Head, Verdict
from accounts.management.base import OperatorCommand
from accounts.models import Organization


class Command(OperatorCommand):
    """Prints a line for each organization and each finding. The exit code is 1 if there are findings."""

    help = (
        "Recompute the hash chain of the audit log and report entries that were changed or removed. An exported "
        "head, kept where the database's administrators cannot write, also reveals that the end was cut off."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the organization and the files of heads."""
        parser.add_argument("--organization", metavar="SLUG", help="Verify only this organization.")
        parser.add_argument(
            "--head", metavar="FILE", type=Path, help="Heads that were exported earlier, or the log of housekeeping."
        )
        parser.add_argument(
            "--export-head", metavar="FILE", type=Path, help="Write the heads to this file if there are no findings."
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Verify the chains, print the findings, and export the heads if there are none."""
        slugs = {row.pk: row.slug for row in Organization.objects.all()}
        exported = _read(options["head"]) if options["head"] else {}
        chosen = _chosen(slugs, options["organization"]) or chain.organizations() | set(slugs) | set(exported)
        verdicts = []
        for pk in sorted(chosen, key=lambda pk: (slugs.get(pk, "~"), pk)):
            verdicts.append(chain.verify(pk, exported=exported.get(pk)))
            self._print(slugs.get(pk, f"{pk} (deleted)"), verdicts[-1])
        findings = sum(len(verdict.findings) + verdict.omitted for verdict in verdicts)
        if findings:
            raise CommandError(f"The audit log is not intact. Findings: {findings}.")
        if options["export_head"]:
            _write(options["export_head"], verdicts)

    def _print(self, name: str, verdict: Verdict) -> None:
        state = "NOT intact" if verdict.findings else "intact"
        self.stdout.write(f"{name}: {verdict.head.sequence} entries, {state}.")
        for finding in verdict.findings:
            self.stdout.write(f"  {finding}")
        if verdict.omitted:
            self.stdout.write(f"  … and {verdict.omitted} more.")


def _chosen(slugs: dict[UUID, str], slug: str | None) -> set[UUID]:
    """Return the organization with this slug; an empty set stands for every organization."""
    chosen = {pk for pk, known in slugs.items() if known == slug}
    if slug is not None and not chosen:
        raise CommandError(f"No organization has the slug {slug}.")
    return chosen


def _read(path: Path) -> dict[UUID, Head]:
    try:
        return heads.read(path.read_text(errors="strict"))
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
    except (heads.NoHeads, UnicodeDecodeError):
        raise CommandError(f"{path} was not written by --export-head or housekeeping.") from None


def _write(path: Path, verdicts: list[Verdict]) -> None:
    try:
        path.write_text(heads.document(verdict.head for verdict in verdicts))
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
