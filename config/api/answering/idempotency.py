"""Requests with an `Idempotency-Key`: carried out once, and answered the same again.

An answer is kept for a day, sealed. Of a run, the record is kept and nothing of what the upstream said. A request that
was refused is forgotten, unless a run is on record: it may have reached the upstream.
"""

import json
from http import HTTPStatus
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from accounts.access import idempotency
from accounts.access.idempotency import HEADER, Claim, Repeatable
from accounts.access.requests import CofferRequest
from accounts.actors import Actor
from config.http.errors import PROBLEM
from secrets_app.sealing.sealed_texts import answer_to, seal_answer

REPLAYED = "Idempotency-Replayed"
NO_CONTENT_KEPT = "Nothing of the upstream's answer is kept. The run is not made again; its record has what is known."


class AnsweredBefore(Exception):  # noqa: N818 - an outcome
    """The request was carried out before."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__()
        self.status, self.text = status, text

    def response(self) -> HttpResponse:
        """Return the first answer again."""
        is_problem = self.status >= HTTPStatus.BAD_REQUEST
        media_type = PROBLEM if is_problem else "application/json; charset=utf-8"
        response = HttpResponse(self.text, status=self.status, content_type=media_type, headers={REPLAYED: "true"})
        if not self.text:
            del response.headers["Content-Type"]
        return response


class OnceOnly:
    """One request with an `Idempotency-Key`, while it is carried out."""

    def __init__(self, request: CofferRequest) -> None:
        self.request = request
        self._wanted = Repeatable(request.headers[HEADER], _everything(request))
        self._claim: Claim | None = None
        request.before_act = self._begin

    def finish(self, response: HttpResponse) -> None:
        """Keep the answer of an act in its transaction, or forget the request if it was refused.

        Raises:
            KeyUnavailable: the answer cannot be sealed, so the act has to be rolled back.
        """
        if self._claim and response.status_code >= HTTPStatus.BAD_REQUEST:
            idempotency.release(self._claim)
        elif self._claim:
            self._keep(self._claim, response.status_code, response.text)

    def finish_run(self, response: HttpResponse) -> None:
        """Keep the answer of a run, or forget the request if no run is on record, or the call waits for a person.

        Raises:
            KeyUnavailable: the answer cannot be sealed; the request stays claimed.
        """
        if self._claim is None:
            return
        is_held = response.status_code == HTTPStatus.ACCEPTED  # to be made again once it is approved
        kept = None if is_held else _of_run(json.loads(response.text))
        with transaction.atomic():
            if kept is None:
                idempotency.release(self._claim)
            else:
                self._keep(self._claim, response.status_code, json.dumps(kept))

    def _begin(self, actor: Actor) -> None:
        claim = idempotency.claim(actor, self._wanted)
        if claim.status is not None:
            raise AnsweredBefore(claim.status, answer_to(actor.organization, claim.id))
        self._claim = claim

    def _keep(self, claim: Claim, status: int, text: str) -> None:
        seal_answer(self.request.auth.organization, claim.id, text)
        idempotency.finish(claim, status)


def _everything(request: HttpRequest) -> bytes:
    return f"{request.method} {request.get_full_path()}\n".encode() + request.body


def _of_run(document: dict[str, Any]) -> dict[str, Any] | None:
    """Return what is kept of the answer of a run; None if no run is on record."""
    if not document.get("run_id"):
        return None
    if "outcome" in document:
        withheld = {"code": "replayed", "message": NO_CONTENT_KEPT}
        return {**document, "headers": [], "body": None, "body_type": "withheld", "withheld": withheld}
    named = ("type", "title", "status", "code", "run_id")
    return {name: document[name] for name in named} | {"detail": f"The run ended with {document['code']}."}
