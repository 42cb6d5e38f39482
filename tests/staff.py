"""Members of staff for tests, as Django's test client."""

from allauth.mfa.models import Authenticator
from django.test import Client

from accounts.models import User
from tests.signing_in import sign_in


def make_staff(email: str = "root@example.com", name: str = "Rosa") -> User:
    """A superuser with an authenticator app."""
    user = User.objects.create_superuser(email, name=name)
    Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={})
    return user


def staff_browser(user: User | None = None, **options: object) -> Client:
    """Their browser, with a recent proof."""
    return sign_in(Client(**options), user or make_staff())
