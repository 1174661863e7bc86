"""Headers of every answer: strict policies, no storing, and privacy of the pages of shares."""

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

UNUSED = (
    "accelerometer",
    "autoplay",
    "browsing-topics",
    "camera",
    "display-capture",
    "encrypted-media",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "publickey-credentials-get",
    "screen-wake-lock",
    "serial",
    "usb",
    "xr-spatial-tracking",
)
"""Features of browsers that no page uses."""

PERMISSIONS = ", ".join(f"{name}=()" for name in UNUSED)

STRICT = {"Content-Security-Policy": POLICY, "Permissions-Policy": PERMISSIONS, "X-Content-Type-Options": "nosniff"}
"""Headers of every answer of the web process, also of those that Django does not make."""

NO_STORE = "private, no-store"
"""Neither proxies nor browsers store pages of an account, since the next user of the machine could read them."""

BY_LINK = ("/s/", "/shared/", "/e/")
"""Pages for visitors with a link to a share: they must not be indexed, stored or traced, whatever the status."""

PRIVATE = {
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}

SyncHandler = Callable[[HttpRequest], HttpResponseBase]
AsyncHandler = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def content_security_policy(get_response: SyncHandler | AsyncHandler) -> SyncHandler | AsyncHandler:
    def protect(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        for name, value in STRICT.items():
            response.headers.setdefault(name, value)
        if not request.path.startswith(settings.STATIC_URL) or response.status_code >= 400:
            response.headers["Cache-Control"] = NO_STORE
        if request.path.startswith(BY_LINK):
            for name, value in PRIVATE.items():
                response.headers[name] = value
        return response

    if iscoroutinefunction(get_response):

        async def async_middleware(request: HttpRequest) -> HttpResponseBase:
            return protect(request, await get_response(request))

        return async_middleware

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return protect(request, get_response(request))  # type: ignore[arg-type]

    return middleware
