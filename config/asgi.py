"""The ASGI application: `uvicorn config.asgi:application`."""

import gc
import os

from django.conf import settings
from django.core.asgi import get_asgi_application

from accounts.common.process import load_codecs, protect_process, shorten_turns, take_descriptors
from config.configuration.explaining import sentences_instead_of_tracebacks
from config.databases.limits import limit_statements
from config.monitoring.start import begin

gc.disable()  # what a start makes stays: to look for garbage in it takes an eighth of the start
protect_process()
take_descriptors()
load_codecs()
shorten_turns()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

with sentences_instead_of_tracebacks():
    begin()
    limit_statements()
    pages = get_asgi_application()

from config.agents.errors import JsonRpcErrors  # noqa: E402 - importing these needs the settings
from config.api.fast_path import FastPath  # noqa: E402
from config.api.handler import ApiHandler  # noqa: E402
from config.http.bodies import WholeBodies  # noqa: E402
from config.http.broken_handshakes import answer_broken_handshakes  # noqa: E402
from config.http.proxies import Proxies, TrustedProxies  # noqa: E402
from config.http.requests import AgentsOrEverybody, ApiOrPages, FlowingOrWhole, ReadableQueries, RequestIds  # noqa: E402
from config.lifespan import lifespan  # noqa: E402
from config.proxy.door import Door  # noqa: E402
from config.proxy.sockets import Sockets  # noqa: E402

answer_broken_handshakes()
api = FastPath(ApiHandler())
whole = WholeBodies(ReadableQueries(ApiOrPages(api=api, pages=pages, lifespan=lifespan)))
inner = FlowingOrWhole(flowing=Door(), sockets=Sockets(), whole=whole)
everybody = RequestIds(TrustedProxies(inner, Proxies(settings.TRUSTED_PROXIES)))
application = AgentsOrEverybody(agents=JsonRpcErrors(everybody), everybody=everybody)
gc.enable()
