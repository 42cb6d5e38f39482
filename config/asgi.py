"""The ASGI application: `uvicorn config.asgi:application`."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

pages = get_asgi_application()

from config.api.handler import ApiHandler, ApiOrPages  # noqa: E402
from config.http.bodies import BoundedBodies  # noqa: E402 - importing these needs the settings
from config.http.queries import ReadableQueries  # noqa: E402
from config.lifespan import Lifespan  # noqa: E402

application = Lifespan(BoundedBodies(ReadableQueries(ApiOrPages(api=ApiHandler(), pages=pages))))
