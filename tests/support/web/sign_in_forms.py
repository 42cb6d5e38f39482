"""A person with a password, and the sign-in form."""

import re

from django.contrib.auth.hashers import Argon2PasswordHasher
from django.test import Client

PASSWORD = "correct horse battery staple"
EMAIL = "mara@harbor.example"
CODE = re.compile(r"^[A-Z0-9]{3,4}-?[A-Z0-9]{3,4}$", re.MULTILINE)


def code_in(message) -> str:
    return CODE.search(message.body)[0]


def password_in(client: Client, email: str = EMAIL, password: str = PASSWORD, **more):
    return client.post("/signin/", {"login": email, "password": password, **more})


def is_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


class CountingHasher(Argon2PasswordHasher):
    """Argon2 that counts."""

    made = 0

    def encode(self, password, salt):
        CountingHasher.made += 1
        return super().encode(password, salt)

    def verify(self, password, encoded):
        CountingHasher.made += 1
        return super().verify(password, encoded)
