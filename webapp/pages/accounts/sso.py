"""The redirect to the provider of single sign-on and the return from it. Failures end at the login page with a message."""

import logging
from collections.abc import Callable
from typing import Any

import jwt
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from mozilla_django_oidc.views import OIDCAuthenticationCallbackView, OIDCAuthenticationRequestView

from webapp.access import public
from webapp.accounts.sso import setting

logger = logging.getLogger(__name__)

BROKEN = (OSError, ValueError, KeyError, SuspiciousOperation, jwt.PyJWTError)
"""Exceptions of the library for a wrong or missing answer."""

AWAY = "Single sign-on cannot be reached now. You can log in with a password."
REFUSED = "Single sign-on refused the login. You need an account there with a verified e-mail, and an open account here."


class Leave(OIDCAuthenticationRequestView):  # type: ignore[misc]
    get_settings = staticmethod(setting)


class Return(OIDCAuthenticationCallbackView):  # type: ignore[misc]
    get_settings = staticmethod(setting)

    def login_failure(self) -> HttpResponse:
        raise SuspiciousOperation("No login: refused by the provider, no verified e-mail, or a closed account.")


@public
def leave(request: HttpRequest) -> HttpResponse:
    return _with_messages(request, Leave.as_view())


@public
def come_back(request: HttpRequest) -> HttpResponse:
    return _with_messages(request, Return.as_view())


def _with_messages(request: HttpRequest, view: Callable[..., Any]) -> HttpResponse:
    if not settings.SSO:
        raise Http404
    try:
        if "error" in request.GET:  # the library would log out the present account, on the request of any site
            raise SuspiciousOperation(request.GET["error"])
        answer: HttpResponse = view(request)
    except BROKEN as error:
        logger.warning("single sign-on failed: %r", error)
        messages.error(request, AWAY if isinstance(error, OSError) else REFUSED)
        return redirect("login")
    return answer
