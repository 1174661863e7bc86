"""The page of all accounts, for administrators: roles, closing and opening, invitations, links for a new password."""

from dataclasses import dataclass

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.mail import send_mail
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from webapp.access import Access, admin
from webapp.accounts import invitations
from webapp.accounts import people as accounts
from webapp.accounts.models import Invitation
from webapp.audit.models import Verb
from webapp.audit.services import tell
from webapp.pages.accounts.one_time_links import password_link

CHOICES = [(int(role), accounts.words(role)[0]) for role in (Access.VIEWER, Access.MEMBER, Access.ADMIN)]


class RoleForm(forms.Form):
    role = forms.TypedChoiceField(
        choices=CHOICES, coerce=lambda value: Access(int(value)), initial=int(Access.MEMBER), label="As"
    )


class InviteForm(RoleForm):
    email = forms.EmailField(required=False, label="E-mail")

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if email and accounts.with_email(email).exists():
            raise forms.ValidationError("An account has this e-mail already.")
        return email


@dataclass(frozen=True)
class Line:
    user: User
    role: Access

    @property
    def word(self) -> str:
        return accounts.words(self.role)[0]


@dataclass(frozen=True)
class Waiting:
    invitation: Invitation

    @property
    def word(self) -> str:
        return accounts.words(Access(self.invitation.role))[0]


def _page(
    request: HttpRequest, form: InviteForm | None = None, link: str = "", about: str = "", status: int = 200
) -> HttpResponse:
    context = {
        "lines": [Line(user, accounts.role_of(user)) for user in accounts.all_accounts()],
        "waiting": [Waiting(invitation) for invitation in invitations.standing()],
        "choices": CHOICES,
        "form": form or InviteForm(),
        "link": link,
        "about": about,
    }
    return render(request, "pages/people.html", context, status=status)


@admin
def people(request: HttpRequest) -> HttpResponse:
    return _page(request)


def _admin(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


@admin
@require_POST
def role(request: HttpRequest, pk: int) -> HttpResponse:
    user, form = get_object_or_404(User, pk=pk), RoleForm(request.POST)
    if form.is_valid():
        try:
            accounts.change_role(_admin(request), user, form.cleaned_data["role"])
            messages.info(request, f"{user} is {accounts.words(form.cleaned_data['role'])[0]} now.")
        except ValueError as error:
            messages.error(request, str(error))
    return redirect("people")


@admin
@require_POST
def close(request: HttpRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(User, pk=pk)
    try:
        accounts.close(_admin(request), user)
        messages.info(request, f"The account {user} is closed: it is logged out everywhere, and its tokens are gone.")
    except ValueError as error:
        messages.error(request, str(error))
    return redirect("people")


@admin
@require_POST
def reopen(request: HttpRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(User, pk=pk)
    accounts.reopen(_admin(request), user)
    messages.info(request, f"The account {user} is open again.")
    return redirect("people")


@admin
@require_POST
@never_cache
def reset(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a link for a new password of the account. Only this answer shows it."""
    user = get_object_or_404(User, pk=pk, is_active=True)
    tell(_admin(request), Verb.RESET_MADE, "account", user.pk, user.get_username())
    link = password_link(_site(request), user)
    return _page(request, link=link, about=f"A new password for {user}. It works once, within three days.")


@admin
@require_POST
@never_cache
def invite(request: HttpRequest) -> HttpResponse:
    """Send the invitation by e-mail, or show its link once if there is no e-mail server."""
    form = InviteForm(request.POST)
    if not form.is_valid():
        return _page(request, form=form, status=422)
    chosen, email = form.cleaned_data["role"], form.cleaned_data["email"]
    _, secret = invitations.invite(_admin(request), chosen, email)
    link = _site(request) + reverse("join", args=[secret])
    if email and settings.MAIL:
        if _sent(request, link, email):
            messages.info(request, f"The invitation was sent to {email}.")
            return redirect("people")
        messages.error(request, "The e-mail could not be sent. Send the link yourself.")
    about = f"An invitation as {accounts.words(chosen)[0]}. It works once, within seven days."
    return _page(request, link=link, about=about)


def _sent(request: HttpRequest, link: str, email: str) -> bool:
    text = render_to_string("emails/invitation.txt", {"link": link, "by": request.user, "site": _site(request)})
    try:
        return bool(send_mail("Your invitation to a weak-to-strong laboratory", text, None, [email]))
    except OSError:  # SMTPException is one
        return False


@admin
@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    invitations.revoke(_admin(request), get_object_or_404(Invitation, pk=pk))
    messages.info(request, "The invitation is revoked.")
    return redirect("people")


def _site(request: HttpRequest) -> str:
    return request.build_absolute_uri("/").rstrip("/")
