"""URLs of the accounts app."""

from django.urls import include, path

from accounts.web import audit, invitations, members, organizations, settings, step_up, stopping

urlpatterns = [
    path("", organizations.home, name="home"),
    path("", include("accounts.web.urls_sign_in")),
    path("proof/", step_up.proof, name="proof"),
    path("organizations/new/", organizations.organization_new, name="organization-new"),
    path("invitations/<str:token>/", invitations.look, name="invitation"),
    path("invitations/<str:token>/accept/", invitations.accept, name="invitation-accept"),
    path("invitations/<str:token>/account/", invitations.create_account, name="invitation-account"),
    path("o/<slug:slug>/members/", members.index, name="members"),
    path("o/<slug:slug>/members/invite/", invitations.invite, name="invite"),
    path("o/<slug:slug>/members/<uuid:membership_id>/role/", members.role, name="member-role"),
    path("o/<slug:slug>/members/<uuid:membership_id>/remove/", members.remove, name="member-remove"),
    path("o/<slug:slug>/invitations/<uuid:invitation_id>/renew/", invitations.renew, name="invitation-renew"),
    path(
        "o/<slug:slug>/invitations/<uuid:invitation_id>/withdraw/",
        invitations.withdraw,
        name="invitation-withdraw",
    ),
    path(
        "o/<slug:slug>/invitations/<uuid:invitation_id>/approve/",
        invitations.approve,
        name="invitation-approve",
    ),
    path("o/<slug:slug>/leave/", members.leave, name="leave"),
    path("o/<slug:slug>/settings/", settings.index, name="settings"),
    path("o/<slug:slug>/settings/domains/", settings.domains, name="settings-domains"),
    path("o/<slug:slug>/settings/delete/", settings.delete, name="organization-delete"),
    path("o/<slug:slug>/stop/", stopping.stop, name="agents-stop"),
    path("o/<slug:slug>/start/", stopping.start, name="agents-start"),
    path("o/<slug:slug>/audit/", audit.index, name="audit"),
    path("o/<slug:slug>/audit/csv/", audit.as_csv, name="audit-csv"),
    path("o/<slug:slug>/audit/jsonl/", audit.as_json_lines, name="audit-jsonl"),
]
