"""The manager of the user model."""

from typing import Any

from django.apps import apps
from django.contrib.auth.base_user import BaseUserManager
from django.db import transaction


class UserManager(BaseUserManager[Any]):
    """Creates people by e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> Any:
        """Store a person. With `password=None` the account has no password."""
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        with transaction.atomic(using=self._db):
            user.save(using=self._db)
            # The operator or an invitation vouches for the address, so allauth need not ask for a confirmation.
            apps.get_model("account", "EmailAddress").objects.create(
                user=user, email=user.email, verified=True, primary=True
            )
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> Any:
        """Store a member of staff who may use the Django admin."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, email: str | None) -> Any:
        """Find a person by login, ignoring case."""
        return self.get(email=(email or "").lower())

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """Return the whole address in lower case, so `A@x` and `a@x` are one login."""
        return (email or "").strip().lower()
