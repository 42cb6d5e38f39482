"""Checks of the fields of a secret, shared by the form and the API. Field names are those of the API."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from uuid import UUID

from accounts.common.environments import Environment, in_order
from accounts.common.texts import problem_with_text
from accounts.errors import FieldError, Invalid
from accounts.models import Organization
from secrets_app.errors import ValueTooShort
from secrets_app.models import Secret
from secrets_app.naming import domains, names
from secrets_app.naming.value_rules import problem_with_value
from secrets_app.plaintext import Plaintext
from secrets_app.sealing.read_expiry import first_expiry
from secrets_app.validation.required_domains import ADD_ONE, domains_needed, lacks_domains

DESCRIPTION_LENGTH = Secret._meta.get_field("description").max_length or 500
LONGEST_ROTATION_DAYS = 3650
EXPIRY_YEARS = range(2000, 2200)
TAKEN = "There is a secret called {} already. Choose another name, or edit that one."


class Problems:
    """Collects the problems of one submission, so that all of them are reported at once."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []
        self._too_short: list[FieldError] = []

    def add(self, field: str, message: str | None) -> None:
        """Add a problem, unless the message is empty."""
        if message:
            self.errors.append(FieldError(field, message))

    def check_name(
        self, name: str, organization: Organization, *, other_than: UUID | None = None, taken: str = TAKEN
    ) -> None:
        """Check a name by its rule, and that no other secret of the organization has it, ignoring case.

        Args:
            other_than: the secret that may have the name already.
            taken: the message if the name is taken, with `{}` for the name of the other secret.
        """
        problem = names.problem_with_name(name)
        if not problem:
            others = Secret.objects.of(organization).filter(name__iexact=name).exclude(pk=other_than)  # type: ignore[misc]
            other = others.values_list("name", flat=True).first()
            problem = other and taken.replace("{}", other)
        self.add("name", problem)

    def check_description(self, text: str) -> None:
        """Check the length of a description, and that the database can store it."""
        self.add("description", problem_with_text(text, DESCRIPTION_LENGTH))

    def check_rotation(self, days: int | None) -> None:
        """Check that a rotation interval is between one day and ten years."""
        if days is not None and not 1 <= days <= LONGEST_ROTATION_DAYS:
            self.add("rotate_every_days", f"Enter a number of days from 1 to {LONGEST_ROTATION_DAYS}.")

    def check_expiry(self, day: date | None, values: Mapping[Environment, Plaintext | None] | None) -> None:
        """Check the day on which a secret expires.

        Args:
            values: the values to read the day from instead; None to read none.
        """
        if values is not None and first_expiry(values.values()) is None:
            self.add("expires_on", "No value states a day: none is a JSON Web Token with exp or a certificate in PEM.")
        elif day is not None and day.year not in EXPIRY_YEARS:
            self.add("expires_on", f"Enter a day in the years {EXPIRY_YEARS[0]} to {EXPIRY_YEARS[-1]}: 2027-03-31.")

    def check_values(self, values: Mapping[Environment, Plaintext | None], *, allow_short: bool) -> None:
        """Check each value by `secrets_app.naming.value_rules`."""
        for environment in in_order(values):
            value = values[environment]
            problem = None if value is None else problem_with_value(value, allow_short=allow_short)
            if problem:
                found = self._too_short if problem.code == ValueTooShort.code else self.errors
                found.append(FieldError(f"values.{environment.value}", problem.message, problem.code))

    def check_required_domains(
        self, organization: Organization, values: Mapping[Environment, Plaintext | None], allowed: Collection[str]
    ) -> None:
        """Check that the new values have allowed domains, if the organization requires them."""
        entered = [environment for environment, value in values.items() if value is not None]
        if lacks_domains(organization, entered, allowed):
            self.add("allowed_domains", f"{domains_needed(organization)} {ADD_ONE}")

    def clean_domains(self, texts: Iterable[str], *, operator_hosts: bool, stored: Collection[str] = ()) -> list[str]:
        """Return the domains in their stored form, without duplicates. Domains that are not valid become problems.

        Args:
            stored: domains that the secret has already. They may stay, whatever the rules say by now.
        """
        cleaned: list[str] = []
        for number, text in enumerate(texts):
            try:
                domain = text if text in stored else domains.clean_domain(text, operator_hosts=operator_hosts)
            except domains.BadDomain as problem:
                self.add(f"allowed_domains[{number}]", str(problem))
                continue
            if domain not in cleaned:
                cleaned.append(domain)
        return cleaned

    def refuse(self, detail: str) -> None:
        """Raise an error with all problems, if there are any.

        Raises:
            ValueTooShort: the only problems are short values, which the caller may confirm.
            Invalid: there are other problems.
        """
        if self.errors:
            raise Invalid(detail, errors=[*self.errors, *self._too_short])
        if self._too_short:
            raise ValueTooShort(detail, errors=self._too_short)
