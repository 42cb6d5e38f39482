"""What a secret's fields must satisfy, for the form and the API alike. Names of fields are the API's."""

from collections.abc import Collection, Iterable, Mapping
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
from secrets_app.validation.production_domains import ADD_ONE, DOMAINS_NEEDED, lacks_domains

DESCRIPTION_LENGTH = Secret._meta.get_field("description").max_length or 500
LONGEST_ROTATION_DAYS = 3650
TAKEN = "There is a secret called {} already. Choose another name, or edit that one."


class Problems:
    """Collects what is wrong with one submission, so that the person hears of everything at once."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []
        self._too_short: list[FieldError] = []

    def add(self, field: str, message: str | None) -> None:
        """Note a problem, or nothing where the message is empty."""
        if message:
            self.errors.append(FieldError(field, message))

    def check_name(
        self, name: str, organization: Organization, *, other_than: UUID | None = None, taken: str = TAKEN
    ) -> None:
        """The name rule, and that no other secret of the organization has it in any case.

        Args:
            taken: the sentence in that case, with `{}` for the other's name.
        """
        problem = names.problem_with_name(name)
        if not problem:
            others = Secret.objects.of(organization).filter(name__iexact=name).exclude(pk=other_than)  # type: ignore[misc]
            other = others.values_list("name", flat=True).first()
            problem = other and taken.replace("{}", other)
        self.add("name", problem)

    def check_description(self, text: str) -> None:
        """Length, and nothing that a database cannot store."""
        self.add("description", problem_with_text(text, DESCRIPTION_LENGTH))

    def check_rotation(self, days: int | None) -> None:
        """Between a day and ten years."""
        if days is not None and not 1 <= days <= LONGEST_ROTATION_DAYS:
            self.add("rotate_every_days", f"Enter a number of days from 1 to {LONGEST_ROTATION_DAYS}.")

    def check_values(self, values: Mapping[Environment, Plaintext | None], *, allow_short: bool) -> None:
        """Each value by the rule of `secrets_app.naming.value_rules`."""
        for environment in in_order(values):
            value = values[environment]
            problem = None if value is None else problem_with_value(value, allow_short=allow_short)
            if problem:
                found = self._too_short if problem.code == ValueTooShort.code else self.errors
                found.append(FieldError(f"values.{environment.value}", problem.message, problem.code))

    def check_production(
        self, organization: Organization, values: Mapping[Environment, Plaintext | None], allowed: Collection[str]
    ) -> None:
        """A Production value needs allowed domains where the organization says so."""
        entered = [environment for environment, value in values.items() if value is not None]
        if lacks_domains(organization, entered, allowed):
            self.add("allowed_domains", f"{DOMAINS_NEEDED} {ADD_ONE}")

    def clean_domains(self, texts: Iterable[str], *, operator_hosts: bool) -> list[str]:
        """The domains in their stored form, without repeats; bad ones become problems."""
        cleaned: list[str] = []
        for number, text in enumerate(texts):
            try:
                domain = domains.clean_domain(text, operator_hosts=operator_hosts)
            except domains.BadDomain as problem:
                self.add(f"allowed_domains[{number}]", str(problem))
                continue
            if domain not in cleaned:
                cleaned.append(domain)
        return cleaned

    def refuse(self, detail: str) -> None:
        """Raise what was collected, if anything: `ValueTooShort` when that is all, else `Invalid`."""
        if self.errors:
            raise Invalid(detail, errors=[*self.errors, *self._too_short])
        if self._too_short:
            raise ValueTooShort(detail, errors=self._too_short)
