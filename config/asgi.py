"""The ASGI application: `uvicorn config.asgi:application`."""

import os

from django.core.asgi import get_asgi_application

from config.process import protect_process

protect_process()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

pages = get_asgi_application()

from config.api.fast_path import FastPath  # noqa: E402 - importing these needs the settings
from config.api.handler import ApiHandler  # noqa: E402
from config.http.requests import ApiOrPages, BoundedBodies, ReadableQueries  # noqa: E402
from config.lifespan import lifespan  # noqa: E402

api = FastPath(ApiHandler())
application = BoundedBodies(ReadableQueries(ApiOrPages(api=api, pages=pages, lifespan=lifespan)))
