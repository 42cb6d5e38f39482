"""What several tests of the API handler use."""

import pytest
from django.core.asgi import get_asgi_application

from config.api.fast_path import FastPath
from config.api.handler import ApiHandler
from config.http.bodies import WholeBodies
from config.http.requests import ApiOrPages, ReadableQueries
from config.lifespan import lifespan


@pytest.fixture
def both():
    """A function that makes both applications under the settings of that moment: the fast path, and Django's own."""

    def make():
        whole = get_asgi_application()
        ours = ApiOrPages(api=FastPath(ApiHandler()), pages=whole, lifespan=lifespan)
        return [WholeBodies(ReadableQueries(inner)) for inner in (ours, whole)]

    return make
