"""A new password for a forgotten one, by a link from an administrator or in an e-mail."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.forms import PasswordResetForm, SetPasswordForm
from django.contrib.auth.models import User
from django.contrib.auth.views import INTERNAL_RESET_SESSION_TOKEN, PasswordResetConfirmView, PasswordResetView
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse_lazy

from webapp.audit.models import Verb
from webapp.audit.services import tell
from webapp.pages.accounts.one_time_links import PASSWORDS


class Forgotten(PasswordResetView):
    """Send a link to an e-mail, without telling whether an account has it. There is no such page without an e-mail server."""

    template_name = "pages/forgotten.html"
    email_template_name = "emails/password.txt"
    subject_template_name = "emails/password_subject.txt"
    success_url = reverse_lazy("login")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.MAIL:
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: PasswordResetForm) -> HttpResponse:
        messages.info(self.request, "If an account has this e-mail, a link was sent to it.")
        return super().form_valid(form)


class Reset(PasswordResetConfirmView):
    """Django's own view, which moves the token from the address into the session before it shows anything."""

    template_name = "pages/reset.html"
    success_url = reverse_lazy("home")
    post_reset_login = True
    post_reset_login_backend = PASSWORDS

    def get_user(self, uidb64: str) -> User | None:
        user = super().get_user(uidb64)
        return user if isinstance(user, User) and user.is_active else None

    def render_to_response(self, context: dict[str, Any], **response: Any) -> HttpResponse:
        return super().render_to_response(context, status=200 if self.validlink else 410, **response)

    @transaction.atomic
    def form_valid(self, form: "SetPasswordForm[User]") -> HttpResponse:
        """Set the password by the first of two requests with one link; the second request gets the page for a used link."""
        now = User.objects.select_for_update().get(pk=form.user.pk)
        if not self.token_generator.check_token(now, self.request.session.get(INTERNAL_RESET_SESSION_TOKEN)):
            self.validlink = False
            return self.render_to_response({"form": None, "title": "", "validlink": False})
        tell(form.user, Verb.PASSWORD_RESET, "account", form.user.pk, form.user.get_username())
        return super().form_valid(form)
