"""What an agent that a person has stopped gets for a call of a tool: a result that the model reads.

Errors of the protocol reach the client alone, which may only say that the server does not work.
"""

import json
from typing import Any

from django.http import HttpResponse, JsonResponse

from accounts.common.request_notes import note
from accounts.errors import AgentsStopped, AgentStopped, InvalidJson, Refusal
from config.agents.arrivals import called_tool
from config.agents.guidance import STOP
from config.http.requests import read_json


def answer_stopped(body: bytes, refusal: Refusal) -> HttpResponse | None:
    """Return the result of a call of a tool by an agent that was stopped; None for any other message or refusal."""
    if not isinstance(refusal, AgentsStopped | AgentStopped):
        return None
    message = _message(body)
    if not called_tool(message) or not isinstance(message.get("id"), str | int):
        return None
    note(code=refusal.code)
    return JsonResponse({"jsonrpc": "2.0", "id": message["id"], "result": _result(refusal)})


def _message(body: bytes) -> Any:
    try:
        return read_json(body)
    except InvalidJson:
        return None


def _result(refusal: Refusal) -> dict[str, Any]:
    told = {"code": refusal.code, **refusal.members}
    text = f"{refusal.code}: {refusal.detail}\n{STOP}\n{json.dumps(told, ensure_ascii=False)}"
    return {"resultType": "complete", "content": [{"type": "text", "text": text}], "isError": True}
