"""Fields that Coffer adds to django-allauth's forms."""

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from accounts.models import User


class NameForm(forms.Form):
    """The name that colleagues see, asked for at sign-up."""

    name = forms.CharField(
        label="Name", required=False, max_length=150, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    field_order = ["name", "email", "password1"]

    def clean_name(self) -> str:
        """Refuse a name that does not fit on one line."""
        name = str(self.cleaned_data["name"]).strip()
        if not name.isprintable():
            raise ValidationError("Enter a name on one line.")
        return name

    def signup(self, _request: HttpRequest, user: User) -> None:
        """Store the name. django-allauth calls this while it stores the new person."""
        user.name = self.cleaned_data["name"]
        user.save(update_fields=["name"])
