"""Fields that Coffer adds to django-allauth's forms."""

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from accounts.common.texts import problem_with_line
from accounts.models import User
from accounts.people.people import NAME_LENGTH


class NameForm(forms.Form):
    """The name that colleagues see, asked for at sign-up."""

    name = forms.CharField(
        label="Name", required=False, max_length=NAME_LENGTH, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    field_order = ["name", "email", "password1"]

    def clean_name(self) -> str:
        """Refuse a name that is not one line of visible text."""
        name = str(self.cleaned_data["name"]).strip()
        if problem := problem_with_line(name, NAME_LENGTH, shortest=0):
            raise ValidationError(problem)
        return name

    def signup(self, _request: HttpRequest, user: User) -> None:
        """Store the name. django-allauth calls this while it stores the new person."""
        user.name = self.cleaned_data["name"]
        user.save(update_fields=["name"])
