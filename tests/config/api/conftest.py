"""What several tests of the API handler use."""

import pytest
from django.core.asgi import get_asgi_application

from config.api.handler import ApiHandler, ApiOrPages
from config.http.bodies import BoundedBodies
from config.http.queries import ReadableQueries


@pytest.fixture
def both():
    """A function that makes both applications under the settings of that moment: the fast path, and Django's own."""

    def make():
        whole = get_asgi_application()
        return [BoundedBodies(ReadableQueries(inner)) for inner in (ApiOrPages(api=ApiHandler(), pages=whole), whole)]

    return make
