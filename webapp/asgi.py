"""The ASGI application: pages and JSON over HTTP, live events over WebSockets."""

import os
import tempfile

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
http = get_asgi_application()

from webapp.limits import limited  # noqa: E402
from webapp.live import routing as live  # noqa: E402 - needs the apps that the line above loads
from webapp.sharing import routing as sharing  # noqa: E402

tempfile.tempdir = str(settings.UPLOADS_DIR)  # where Django puts the bodies of requests: /tmp may be memory

sockets = [*live.websocket_urlpatterns, *sharing.websocket_urlpatterns]
application = ProtocolTypeRouter(
    {
        "http": limited(http),  # type: ignore[arg-type]
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(sockets))),
    }
)
