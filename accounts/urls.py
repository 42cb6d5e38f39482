"""Pages of the accounts app."""

from django.urls import include, path

from accounts import views, views_audit, views_invitations, views_members, views_proof, views_settings

urlpatterns = [
    path("", views.home, name="home"),
    path("", include("accounts.urls_of_signing_in")),
    path("proof/", views_proof.proof, name="proof"),
    path("organizations/new/", views.organization_new, name="organization-new"),
    path("invitations/<str:token>/", views_invitations.look, name="invitation"),
    path("invitations/<str:token>/accept/", views_invitations.accept, name="invitation-accept"),
    path("invitations/<str:token>/account/", views_invitations.create_account, name="invitation-account"),
    path("o/<slug:slug>/members/", views_members.index, name="members"),
    path("o/<slug:slug>/members/invite/", views_invitations.invite, name="invite"),
    path("o/<slug:slug>/members/<uuid:membership_id>/role/", views_members.role, name="member-role"),
    path("o/<slug:slug>/members/<uuid:membership_id>/remove/", views_members.remove, name="member-remove"),
    path("o/<slug:slug>/invitations/<uuid:invitation_id>/renew/", views_invitations.renew, name="invitation-renew"),
    path(
        "o/<slug:slug>/invitations/<uuid:invitation_id>/withdraw/",
        views_invitations.withdraw,
        name="invitation-withdraw",
    ),
    path("o/<slug:slug>/leave/", views_members.leave, name="leave"),
    path("o/<slug:slug>/settings/", views_settings.index, name="settings"),
    path("o/<slug:slug>/settings/delete/", views_settings.delete, name="organization-delete"),
    path("o/<slug:slug>/audit/", views_audit.index, name="audit"),
    path("o/<slug:slug>/audit/csv/", views_audit.as_csv, name="audit-csv"),
    path("o/<slug:slug>/audit/jsonl/", views_audit.as_json_lines, name="audit-jsonl"),
]
