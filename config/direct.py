"""`POST /integrations/{id}/run` past the API's framework: the one address that agents call all day.

Only what is well-formed is answered here, by the very operation that the framework would call (`integrations.api.run`);
everything else goes on to the framework, which says what is wrong. Both answer the same (`tests/test_lean.py`).
"""

import json
import re
from uuid import UUID

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.urls.converters import UUIDConverter
from ninja.responses import NinjaJSONEncoder
from pydantic import ValidationError

from accounts.api import AsyncApiKeyAuth
from accounts.errors import Refusal
from accounts.parsing import StrictJsonParser
from config.errors import API_PREFIX, problem
from integrations.api import run
from integrations.api_schemas import RunIn

_ADDRESS = re.compile(rf"{API_PREFIX}v1/integrations/({UUIDConverter.regex})/run")
_AUTHENTICATION = AsyncApiKeyAuth()
_PARSER = StrictJsonParser()


async def answer_run(request: HttpRequest) -> HttpResponse | None:
    """The answer to a run; None for everything that the framework is to answer."""
    address = _ADDRESS.fullmatch(request.path_info)
    authenticating = _AUTHENTICATION(request) if address and request.method == "POST" else None
    if not address or not authenticating:
        return None
    try:
        request.auth = await authenticating  # type: ignore[attr-defined, misc]
        payload = _payload(request)
        if payload is None:
            return None
        result = await run(request, UUID(address[1]), payload)
    except Refusal as refusal:
        return problem(refusal)
    return HttpResponse(json.dumps(result, cls=NinjaJSONEncoder), content_type="application/json; charset=utf-8")


def _payload(request: HttpRequest) -> RunIn | None:
    try:
        return RunIn.model_validate(_PARSER.parse_body(request))
    except (Refusal, ValidationError, RequestDataTooBig):
        return None
