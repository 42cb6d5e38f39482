"""The `If-Match` header: the version that the caller of an edit has seen."""

import re

from django.http import HttpRequest

from accounts.errors import FieldError, Invalid

VERSION_TAG = re.compile(r'(?:W/)?"([0-9]{1,9})(?:-[0-9a-f]{1,64})?"\Z', re.ASCII)
"""A version, or an entity tag that begins with one (`config.api.answering.entity_tags`). Proxies mark tags as weak."""


def expected_version(request: HttpRequest) -> int | None:
    """Return the version in `If-Match: "<version>"` or in an entity tag, or None without the header or for `*`.

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
