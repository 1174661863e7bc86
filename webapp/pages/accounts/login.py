"""Logging in by password, one-time link or invitation, and choosing a password."""

from math import ceil
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm, UserCreationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from webapp.access import Access, public, viewer
from webapp.accounts import invitations, people
from webapp.accounts.names import new_name
from webapp.audit.models import Verb
from webapp.audit.services import tell
from webapp.pages.accounts.one_time_links import PASSWORDS, account_of, spend


class Login(LoginView):
    """The login by name and password; the page offers other logins if they are configured."""

    template_name = "pages/login.html"
    redirect_authenticated_user = True

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return super().get_context_data(mail=settings.MAIL, sso=settings.SSO, **context)


def locked(request: HttpRequest, *_: object) -> HttpResponse:
    """Answer a login after too many attempts with one name from one address, even if the password is correct."""
    credentials: dict[str, Any] = request.axes_credentials or {}  # type: ignore[attr-defined]
    tried = AccessAttempt.objects.filter(
        username=credentials.get("username"),
        ip_address=request.axes_ip_address,  # type: ignore[attr-defined]
    )
    last = tried.aggregate(last=Max("attempt_time"))["last"] or timezone.now()
    until = last + settings.AXES_COOLOFF_TIME
    seconds = max(1, ceil((until - timezone.now()).total_seconds()))
    context = {"minutes": ceil(seconds / 60), "until": until, "tries": settings.AXES_FAILURE_LIMIT}
    answer = render(request, "pages/locked.html", context, status=429)
    answer["Retry-After"] = str(seconds)
    return answer


@public
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def login_link(request: HttpRequest, uid: str, token: str) -> HttpResponse:
    """Show the account of the link. Only the button on that page, a POST, logs in and uses up the link.

    Programs that open addresses, such as chats and e-mail programs, do not use it up.
    """
    user = account_of(uid, token)
    if user is None:
        return _over(request)
    if request.method != "POST":
        return render(request, "pages/login_link.html", {"account": user})
    target = request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(target, allowed_hosts=None) and target.startswith("/")
    if not spend(user):
        return _over(request)
    login(request, user, backend=PASSWORDS)
    return redirect(target if safe else "home")


def _over(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/link_used.html", status=410)


class JoinForm(UserCreationForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ("username", "first_name", "last_name")

    def clean_username(self) -> str:
        """Return the stored form of the name. It may not differ from another account's in upper and lower case alone."""
        self.cleaned_data["username"] = new_name(self.cleaned_data["username"])
        return super().clean_username()


@public
@never_cache
def join(request: HttpRequest, secret: str) -> HttpResponse:
    """Let a visitor with an invitation link choose a name and a password, once."""
    invitation = invitations.find(secret)
    if invitation is None:
        return render(request, "pages/link_over.html", status=410)
    form = JoinForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = invitations.accept(secret, form.save(commit=False))
        except invitations.Closed:  # used by another request in the meantime
            return render(request, "pages/link_over.html", status=410)
        login(request, user, backend=PASSWORDS)
        return redirect("home")
    status = 422 if form.errors else 200
    return render(request, "pages/join.html", {"form": form, "role": people.words(Access(invitation.role))}, status=status)


@viewer
def password(request: HttpRequest) -> HttpResponse:
    """Change your own password. An account without one, which logged in by a link, sets its first one without an old one."""
    assert isinstance(request.user, User)
    kind = PasswordChangeForm if request.user.has_usable_password() else SetPasswordForm
    form = kind(request.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        update_session_auth_hash(request, form.save())
        tell(request.user, Verb.PASSWORD_CHANGED, "account", request.user.pk, request.user.get_username())
        messages.info(request, "Your password is set.")
        return redirect("account")
    return render(request, "pages/password.html", {"form": form})
