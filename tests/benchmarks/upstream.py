"""The upstream of the benchmark: `/fast` answers at once, `/slow` after 200 ms, `/hostile` with a MiB of escapes.

Without the credential nobody gets in.

`python -m tests.benchmarks.upstream PORT`, with the header that it expects in EXPECTED.
"""

import asyncio
import os
import sys

from aiohttp import web

SLOW_SECONDS = 0.2
FINE = b'{"state": "all is well"}'
HOSTILE = b'"%s"' % (b"\\u0061%2541&#x41;" * 61_000)


async def answer(request: web.Request) -> web.Response:
    """The same few bytes, a MiB, or 401."""
    if request.headers.get("Authorization") != os.environ["EXPECTED"]:
        return web.Response(status=401)
    if request.path == "/slow":
        await asyncio.sleep(SLOW_SECONDS)
    return web.Response(body=HOSTILE if request.path == "/hostile" else FINE, content_type="application/json")


if __name__ == "__main__":
    application = web.Application()
    application.router.add_route("*", "/{path:fast|slow|hostile}", answer)
    web.run_app(application, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None, backlog=2048)
