"""Forms of accounts: a valid value is accepted, and each error is reported at its field."""

from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.forms import BaseForm

from webapp.access import VIEWERS, Access
from webapp.accounts.models import Scope
from webapp.pages.accounts.account import ProfileForm, TokenForm
from webapp.pages.accounts.login import JoinForm
from webapp.pages.accounts.people import InviteForm, RoleForm

pytestmark = pytest.mark.django_db

PASSWORDS = {"password1": "weak to strong 2023", "password2": "weak to strong 2023"}


def problems(form: BaseForm) -> dict[str, str]:
    """Return the messages of a form by field."""
    return {name: " ".join(map(str, texts)) for name, texts in form.errors.items()}


@pytest.fixture
def grace(owner: User) -> User:
    """An account beside that of the owner."""
    return User.objects.create_user("grace", email="grace@example.org")


def test_a_profile_is_stored_with_its_name_and_email(owner: User) -> None:
    form = ProfileForm(owner, {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.org"})
    assert problems(form) == {}
    assert set(form.changed_data) == {"first_name", "last_name", "email"}
    assert form.save(commit=False).get_full_name() == "Ada Lovelace"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("email", "ada", "Enter a valid email address."),
        ("email", "GRACE@example.org", "Another account has this e-mail."),
        ("first_name", "a" * 151, "at most 150 characters"),
        ("last_name", "a" * 151, "at most 150 characters"),
    ],
)
def test_an_error_of_a_profile_is_at_its_field(owner: User, grace: User, name: str, value: str, message: str) -> None:
    messages = problems(ProfileForm(owner, {"first_name": "Ada", "last_name": "", "email": "", name: value}))
    assert list(messages) == [name]
    assert message in messages[name]


def test_an_account_may_keep_its_own_email_and_with_single_sign_on_cannot_change_it(
    grace: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert problems(ProfileForm(grace, {"email": "grace@example.org"})) == {}
    monkeypatch.setattr(settings, "SSO", True)
    assert "email" not in ProfileForm(grace, {"email": "other@example.org"}).fields


@pytest.mark.parametrize("days", ["30", "90", "365", ""])
def test_a_token_has_a_purpose_a_scope_and_a_lifetime(owner: User, days: str) -> None:
    form = TokenForm(owner, {"name": "script", "scope": "write", "days": days})
    assert problems(form) == {}
    assert form.cleaned_data == {"name": "script", "scope": Scope.WRITE, "days": days}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("name", "", "This field is required."),
        ("name", "a" * 81, "at most 80 characters"),
        ("scope", "", "This field is required."),
        ("scope", "everything", "Select a valid choice."),
        ("days", "7", "Select a valid choice."),
    ],
)
def test_an_error_of_a_token_is_at_its_field(owner: User, name: str, value: str, message: str) -> None:
    messages = problems(TokenForm(owner, {"name": "script", "scope": "read", "days": "30", name: value}))
    assert list(messages) == [name]
    assert message in messages[name]


def test_a_viewer_can_make_tokens_that_read_only(grace: User) -> None:
    grace.groups.add(Group.objects.get_or_create(name=VIEWERS)[0])
    assert problems(TokenForm(grace, {"name": "script", "scope": "read"})) == {}
    assert list(problems(TokenForm(grace, {"name": "script", "scope": "write"}))) == ["scope"]


def test_an_invited_person_chooses_a_name_and_a_password() -> None:
    form = JoinForm({"username": "grace", "first_name": "Grace", "last_name": "", **PASSWORDS})
    assert problems(form) == {}
    assert form.save(commit=False).username == "grace"


@pytest.mark.parametrize(
    ("changes", "place", "message"),
    [
        ({"username": ""}, "username", "This field is required."),
        ({"username": "ADA"}, "username", "already exists"),
        ({"username": "gr\u0430ce"}, "username", "A name can have letters from a to z"),
        ({"first_name": "a" * 151}, "first_name", "at most 150 characters"),
        ({"password1": ""}, "password1", "This field is required."),
        ({"password2": "another one of these"}, "password2", "didn’t match"),
        ({"password1": "12345678", "password2": "12345678"}, "password2", "too common"),
    ],
)
def test_an_error_of_a_new_account_is_at_its_field(owner: User, changes: dict[str, str], place: str, message: str) -> None:
    messages = problems(JoinForm({"username": "grace", "first_name": "", "last_name": "", **PASSWORDS, **changes}))
    assert list(messages) == [place]
    assert message in messages[place]


@pytest.mark.parametrize("role", [Access.VIEWER, Access.MEMBER, Access.ADMIN])
def test_a_role_is_one_of_three(role: Access) -> None:
    form = RoleForm({"role": str(int(role))})
    assert problems(form) == {}
    assert form.cleaned_data == {"role": role}


@pytest.mark.parametrize(
    ("value", "message"), [("", "This field is required."), ("9", "valid choice"), ("admin", "valid choice")]
)
def test_an_error_of_a_role_is_at_its_field(value: str, message: str) -> None:
    messages = problems(RoleForm({"role": value}))
    assert list(messages) == ["role"]
    assert message in messages["role"]


@pytest.mark.parametrize("email", ["", "new@example.org"])
def test_an_invitation_has_a_role_and_may_have_an_email(email: str) -> None:
    form = InviteForm({"role": str(int(Access.MEMBER)), "email": email})
    assert problems(form) == {}
    assert form.cleaned_data == {"role": Access.MEMBER, "email": email}


@pytest.mark.parametrize(
    ("changes", "place", "message"),
    [
        ({"email": "new"}, "email", "Enter a valid email address."),
        ({"email": "Grace@Example.org"}, "email", "An account has this e-mail already."),
        ({"role": ""}, "role", "This field is required."),
    ],
)
def test_an_error_of_an_invitation_is_at_its_field(grace: User, changes: dict[str, Any], place: str, message: str) -> None:
    messages = problems(InviteForm({"role": str(int(Access.MEMBER)), "email": "", **changes}))
    assert list(messages) == [place]
    assert message in messages[place]
