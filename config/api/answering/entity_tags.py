"""Entity tags: what tells one answer from another (RFC 9110, section 8.8.3).

The tag of an answer is a hash of it. Where the thing has a version, the tag begins with it, so that it can be sent back
as `If-Match` too.
"""

import hashlib
import json
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.http import parse_etags
from ninja.operation import Operation

LENGTH = 32


def has_version(operation: Operation) -> bool:
    """Whether the answer of an operation is a thing with a version."""
    model: Any = operation.response_models.get(HTTPStatus.OK) or operation.response_models.get(HTTPStatus.CREATED)
    found = model.model_fields["response"].annotation if model else None
    return "version" in getattr(found, "model_fields", {})


def with_tag(operation: Operation, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Give the answer of a read its tag, or answer 304 if the caller has it. Files that are streamed have none."""
    if response.status_code != HTTPStatus.OK or not isinstance(response, HttpResponse):
        return response
    tag = _tag(operation, response)
    if _is_known(tag, request.headers.get("If-None-Match", "")):
        return HttpResponse(status=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    response.headers["ETag"] = tag
    return response


def add_version(operation: Operation, response: HttpResponse) -> None:
    """Give the answer of a change the version of what was changed as its tag."""
    if response.status_code in {HTTPStatus.OK, HTTPStatus.CREATED} and has_version(operation):
        response.headers["ETag"] = f'"{json.loads(response.content)["version"]}"'


def _tag(operation: Operation, response: HttpResponse) -> str:
    digest = hashlib.sha256(response.content).hexdigest()[:LENGTH]
    return f'"{json.loads(response.content)["version"]}-{digest}"' if has_version(operation) else f'"{digest}"'


def _is_known(tag: str, header: str) -> bool:
    known = parse_etags(header)
    return "*" in known or tag in {each.removeprefix("W/") for each in known}
