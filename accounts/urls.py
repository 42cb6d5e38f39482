"""Pages of the accounts app."""

from allauth.account.views import LoginView
from django.urls import path

from accounts import views, views_audit, views_proof
from accounts.stamps import public

urlpatterns = [
    path("", views.home, name="home"),
    path("signin/", public(LoginView.as_view()), name="account_login"),
    path("signout/", public(views.SignOutView.as_view()), name="account_logout"),
    path("proof/", views_proof.proof, name="proof"),
    path("organizations/new/", views.organization_new, name="organization-new"),
    path("o/<slug:slug>/audit/", views_audit.index, name="audit"),
    path("o/<slug:slug>/audit/csv/", views_audit.as_csv, name="audit-csv"),
    path("o/<slug:slug>/audit/jsonl/", views_audit.as_json_lines, name="audit-jsonl"),
]
