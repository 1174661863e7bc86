"""What is done to accounts on Django's admin site is told to the same trail as on the page of people."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from webapp.accounts.names import new_name
from webapp.audit.models import Verb
from webapp.audit.services import tell

WHERE = "the admin site"


class NewNameForm(AdminUserCreationForm):  # type: ignore[type-arg]
    def clean_username(self) -> str:
        """Compared with other accounts' in large and small letters as it will be stored."""
        self.cleaned_data["username"] = new_name(self.cleaned_data["username"])
        return super().clean_username()


class ChangedNameForm(UserChangeForm):  # type: ignore[type-arg]
    def clean_username(self) -> str:
        """A name that stays may be one of long ago; no other account has a new one in large or small letters."""
        name = str(self.cleaned_data["username"])
        if name == self.initial.get("username"):
            return name
        name = new_name(name)
        if User.objects.filter(username__iexact=name).exclude(pk=self.instance.pk).exists():
            raise ValidationError("Another account has this name.")
        return name


class TrailedUserAdmin(UserAdmin):  # type: ignore[type-arg]
    """Django's own, which notes each act by three of these; passwords are changed by the second of the three.

    Here too nobody takes admin rights from himself, closes his own account or deletes it.
    """

    add_form, form = NewNameForm, ChangedNameForm

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("is_active", "is_staff", "is_superuser") if obj == request.user else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj != request.user and super().has_delete_permission(request, obj)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        _tell(request, Verb.CREATED, obj)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        fields = [name for one in message if isinstance(one, dict) for name in one.get("changed", {}).get("fields", ())]
        _tell(request, Verb.CHANGED, obj, changed=", ".join(fields) or "password")
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[User]) -> Any:
        for user in queryset:
            _tell(request, Verb.DELETED, user)
        return super().log_deletions(request, queryset)


def _tell(request: HttpRequest, verb: Verb, user: User, **details: str) -> None:
    assert isinstance(request.user, User)
    tell(request.user, verb, "account", user.pk, user.get_username(), by=WHERE, **details)


admin.site.unregister(User)
admin.site.register(User, TrailedUserAdmin)
