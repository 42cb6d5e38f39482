"""Pages of the accounts app."""

from allauth.account.views import LoginView
from django.urls import path

from accounts import views
from accounts.stamps import public

urlpatterns = [
    path("", views.home, name="home"),
    path("signin/", public(LoginView.as_view()), name="account_login"),
    path("signout/", public(views.SignOutView.as_view()), name="account_logout"),
    path("organizations/new/", views.organization_new, name="organization-new"),
]
