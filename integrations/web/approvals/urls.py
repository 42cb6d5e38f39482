"""URLs of the pages of approvals, below `/o/<slug>/approvals/`."""

from django.urls import path

from integrations.web.approvals import deciding, listing, showing

urlpatterns = [
    path("", listing.index, name="approvals"),
    path("held/", listing.held, name="approvals-held"),
    path("decided/", listing.decided, name="approvals-decided"),
    path("<uuid:approval_id>/", showing.show, name="approval"),
    path("<uuid:approval_id>/approve/", deciding.approve, name="approval-approve"),
    path("<uuid:approval_id>/allow/", deciding.allow, name="approval-allow"),
    path("<uuid:approval_id>/deny/", deciding.deny, name="approval-deny"),
]
