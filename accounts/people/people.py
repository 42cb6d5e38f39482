"""Accounts of people."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.access.sessions import end_sessions
from accounts.actors import Actor
from accounts.audit import trail
from accounts.common.texts import problem_with_line
from accounts.errors import FieldError, Invalid, NotFound
from accounts.models import Organization, User
from accounts.people.organizations import withdraw_invitations_of
from accounts.people.own_account import record_in_organizations

CONFIRMED_WITHIN = timedelta(days=7)
NAME_LENGTH = User._meta.get_field("name").max_length or 150


def is_installation_empty() -> bool:
    """Whether nobody has a confirmed account yet. A person who mistypes the first address can try again."""
    return not EmailAddress.objects.filter(verified=True).exists()


def create_person(*, email: str, name: str, password: str) -> User:
    """Create an account.

    Raises:
        Invalid: the address is malformed or taken, the password is too weak, or the name is too long.
    """
    errors = [*_problems("email", validate_email, email), *_problems("password", validate_password, password)]
    if problem := problem_with_line(name, NAME_LENGTH, shortest=0):
        errors.append(FieldError("name", problem))
    if errors:
        raise Invalid("The account was not created.", errors=errors)
    try:
        with transaction.atomic():
            return User.objects.create_user(email, password, name=name)
    except IntegrityError:
        raise Invalid(
            "The account was not created.", errors=[FieldError("email", "This address already has an account.")]
        ) from None


def forget_unconfirmed() -> int:
    """Delete accounts whose address nobody confirmed within a week, so that nobody can block an address.

    Returns:
        The number of deleted accounts.
    """
    confirmed = EmailAddress.objects.filter(verified=True).values("user_id")
    old = User.objects.filter(date_joined__lt=timezone.now() - CONFIRMED_WITHIN).exclude(pk__in=confirmed)
    return len([person.delete() for person in old.filter(last_login=None, memberships=None)])


def set_active(*, email: str, active: bool, actor_in: Callable[[Organization], Actor]) -> User:
    """Activate or deactivate an account.

    Deactivation ends the person's sessions and withdraws the invitations that they sent; API keys that they created are
    refused from then on. It may leave an organization without an owner who can sign in: stopping somebody comes first.

    Args:
        actor_in: returns the actor for the log of each organization of the person.

    Raises:
        NotFound: there is no account with this address.
    """
    with transaction.atomic():
        user = User.objects.select_for_update().filter(email=User.objects.normalize_email(email)).first()
        if user is None:
            raise NotFound("Nobody has an account with this address.")
        if user.is_active == active:
            return user
        user.is_active = active
        user.save(update_fields=["is_active"])
        if active:
            record_in_organizations(trail.Event.MEMBER_ACTIVATED, user=user, actor_in=actor_in)
            return user
        end_sessions(user)
        withdrawn = partial(withdraw_invitations_of, user, keeps=None)
        record_in_organizations(trail.Event.MEMBER_DEACTIVATED, user=user, actor_in=actor_in, data_in=withdrawn)
    return user


def _problems(field: str, check: Callable[[str], object], text: str) -> list[FieldError]:
    try:
        check(text)
    except ValidationError as problem:
        return [FieldError(field, sentence) for sentence in problem.messages]
    return []
