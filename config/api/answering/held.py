"""The answer to a call that has to be approved: 202 with the approval, and where to look what became of it."""

from django.http import HttpResponse, JsonResponse
from django.urls import reverse

from accounts.common.request_notes import note
from accounts.errors import Refusal
from config.http.errors import problem
from integrations.errors import ApprovalNeeded

JSON = "application/json; charset=utf-8"


def answer_to(refusal: Refusal) -> HttpResponse:
    """Return the answer to a refused call: a problem document, unless it only waits."""
    if not isinstance(refusal, ApprovalNeeded):
        return problem(refusal)
    note(code=refusal.code)
    approval: dict[str, object] = refusal.members["approval"]  # type: ignore[assignment] # made by `told.needed`
    place = reverse("api-1:get_approval", kwargs={"approval_id": approval["id"]})
    return JsonResponse(approval, status=refusal.status, content_type=JSON, headers={"Location": place})
