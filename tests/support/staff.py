"""Members of staff for tests, as Django's test client."""

from django.test import Client

from accounts.models import User
from tests.support.sign_in import add_totp, sign_in


def make_staff(email: str = "root@example.com", name: str = "Rosa") -> User:
    """A superuser with an authenticator app."""
    user = User.objects.create_superuser(email, name=name)
    add_totp(user)
    return user


def staff_browser(user: User | None = None, **options: object) -> Client:
    """Their browser, with a recent proof."""
    return sign_in(Client(**options), user or make_staff())
