"""Accounts of people, made by the operator."""

from collections.abc import Callable

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from accounts.errors import FieldError, Invalid
from accounts.models import User

NAME_LENGTH = User._meta.get_field("name").max_length or 150


def create_person(*, email: str, name: str, password: str) -> User:
    """Create an account.

    Raises:
        Invalid: not an e-mail address, a taken one, a password that is too weak, or a name that is too long.
    """
    errors = [*_problems("email", validate_email, email), *_problems("password", validate_password, password)]
    if len(name) > NAME_LENGTH or not name.isprintable():
        errors.append(FieldError("name", f"Enter a name of at most {NAME_LENGTH} characters, on one line."))
    if errors:
        raise Invalid("The account was not created.", errors=errors)
    try:
        with transaction.atomic():
            return User.objects.create_user(email, password, name=name)
    except IntegrityError:
        raise Invalid(
            "The account was not created.", errors=[FieldError("email", "There is an account with this address.")]
        ) from None


def _problems(field: str, check: Callable[[str], object], text: str) -> list[FieldError]:
    try:
        check(text)
    except ValidationError as problem:
        return [FieldError(field, sentence) for sentence in problem.messages]
    return []
