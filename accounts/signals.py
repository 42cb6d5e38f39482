"""What happens when somebody signs in."""

from typing import Any

from allauth.account.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.models import User
from accounts.step_up import remember_sign_in


@receiver(user_logged_in)
def signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    """Count the sign-in as proof where it took one."""
    remember_sign_in(request, user)
