"""Pages of the accounts app."""

from django.urls import include, path

from accounts import views, views_audit, views_proof

urlpatterns = [
    path("", views.home, name="home"),
    path("", include("accounts.urls_of_signing_in")),
    path("proof/", views_proof.proof, name="proof"),
    path("organizations/new/", views.organization_new, name="organization-new"),
    path("o/<slug:slug>/audit/", views_audit.index, name="audit"),
    path("o/<slug:slug>/audit/csv/", views_audit.as_csv, name="audit-csv"),
    path("o/<slug:slug>/audit/jsonl/", views_audit.as_json_lines, name="audit-jsonl"),
]
