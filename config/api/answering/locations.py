"""The address of what was created, in the header `Location`."""

import json
from http import HTTPStatus

from django.http import HttpResponse
from django.urls import reverse
from ninja.operation import Operation

from config.api.answering.rules import operation_id

READ_AT = {
    "create_secret": ("get_secret", "secret_id"),
    "put_secret_by_name": ("get_secret", "secret_id"),
    "create_integration": ("get_integration", "integration_id"),
    "put_integration_by_name": ("get_integration", "integration_id"),
    "duplicate_integration": ("get_integration", "integration_id"),
    "create_webhook": ("get_webhook", "endpoint_id"),
}
"""The operations that create something: the operation that reads it, and its parameter for the id."""


def add_location(operation: Operation, response: HttpResponse) -> None:
    """Add the header to the response of an operation that created something."""
    place = READ_AT.get(operation_id(operation))
    if place and response.status_code == HTTPStatus.CREATED:
        reading, parameter = place
        made = json.loads(response.content)["id"]
        response.headers["Location"] = reverse(f"api-1:{reading}", kwargs={parameter: made})
