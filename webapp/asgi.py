"""The ASGI application: pages and JSON over HTTP, live events over WebSockets."""

import os
import tempfile

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

from training.file_permissions import restrict_permissions

restrict_permissions()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
http = get_asgi_application()

from webapp import temporary_files  # noqa: E402
from webapp.body_limits import limited  # noqa: E402 - needs the apps that the line above loads
from webapp.websockets import sockets  # noqa: E402

tempfile.tempdir = str(temporary_files.folder())  # for request bodies and uploads of Django; /tmp may be in memory

application = ProtocolTypeRouter(
    {
        "http": limited(http),  # type: ignore[arg-type]
        "websocket": sockets(),
    }
)
