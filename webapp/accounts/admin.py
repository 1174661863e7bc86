"""Accounts on Django's admin site, with the same audit log as the page of people."""

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
        """Return the stored form of the name. It may not differ from another account's in upper and lower case alone."""
        self.cleaned_data["username"] = new_name(self.cleaned_data["username"])
        return super().clean_username()


class ChangedNameForm(UserChangeForm):  # type: ignore[type-arg]
    def clean_username(self) -> str:
        """Return the name.

        An unchanged name may be an old one with other characters; a new one may not be that of another account.
        """
        name = str(self.cleaned_data["username"])
        if name == self.initial.get("username"):
            return name
        name = new_name(name)
        if User.objects.filter(username__iexact=name).exclude(pk=self.instance.pk).exists():
            raise ValidationError("Another account has this name.")
        return name


class AuditedUserAdmin(UserAdmin):  # type: ignore[type-arg]
    """Django's own admin of users, with entries in the audit log.

    Django records each act by one of the three log methods; a new password is recorded as a change. Nobody can remove their own
    admin rights, or close or delete their own account.
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
        fields = [name for entry in message if isinstance(entry, dict) for name in entry.get("changed", {}).get("fields", ())]
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
admin.site.register(User, AuditedUserAdmin)
