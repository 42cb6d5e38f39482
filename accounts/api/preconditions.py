"""The `If-Match` header: the version that the caller of an edit has seen."""

import re

from django.http import HttpRequest

from accounts.errors import FieldError, Invalid

VERSION_TAG = re.compile(r'"([0-9]{1,9})"\Z', re.ASCII)


def expected_version(request: HttpRequest) -> int | None:
    """Return the version in `If-Match: "<version>"`, or None without the header or for `*`.

    Raises:
        Invalid: the header is anything else.
    """
    header = request.headers.get("If-Match", "*").strip()
    if header == "*":
        return None
    found = VERSION_TAG.match(header)
    if not found:
        raise Invalid(
            "If-Match is not a version.", errors=[FieldError("If-Match", 'Send the version in quotes: If-Match: "3".')]
        )
    return int(found[1])
