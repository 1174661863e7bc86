"""Coming and going: log in with a password or a one-time link, log out, choose a password."""

from django.contrib import messages
from django.contrib.auth import login, update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme

from webapp.access import public, viewer
from webapp.audit.models import Verb
from webapp.audit.services import tell
from webapp.pages.login import account_of


@public
def login_link(request: HttpRequest, uid: str, token: str) -> HttpResponse:
    """Logs the link's account in, once. Who is logged in as this account already just goes on."""
    user = account_of(uid, token)
    target = request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(target, allowed_hosts=None) and target.startswith("/")
    if user is None:
        return render(request, "pages/link_used.html", status=410)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return redirect(target if safe else "experiments")


@viewer
def password(request: HttpRequest) -> HttpResponse:
    """Change the own password; who came by link and has none sets the first one without an old one."""
    assert isinstance(request.user, User)
    kind = PasswordChangeForm if request.user.has_usable_password() else SetPasswordForm
    form = kind(request.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        update_session_auth_hash(request, form.save())
        tell(request.user, Verb.PASSWORD_CHANGED, "account", request.user.pk, request.user.get_username())
        messages.info(request, "Your password is set.")
        return redirect("account")
    return render(request, "pages/password.html", {"form": form})
