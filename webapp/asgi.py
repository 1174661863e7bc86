"""The ASGI application: pages and JSON over HTTP, live events over WebSockets."""

import gc
import os
import tempfile
from typing import Any

import numpy as np
import pyarrow as pa
from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application
from django.urls import get_resolver

from training.file_permissions import restrict_permissions

restrict_permissions()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
http = get_asgi_application()

from webapp import temporary_files, tracing  # noqa: E402
from webapp.body_limits import limited  # noqa: E402 - needs the apps that the line above loads
from webapp.websockets import sockets  # noqa: E402

tempfile.tempdir = str(temporary_files.folder())  # for request bodies and uploads of Django; /tmp may be in memory


async def lifespan(_scope: Any, receive: Any, send: Any) -> None:
    """Send the last spans when the server ends; its signal ends the process at once thereafter."""
    while True:
        kind = (await receive())["type"]
        if kind == "lifespan.shutdown":
            tracing.stop()
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


tracing.start("web")
application = ProtocolTypeRouter(
    {
        "http": tracing.followed(limited(http)),  # type: ignore[arg-type]
        "websocket": sockets(),
        "lifespan": lifespan,
    }
)

# All modules are loaded now and not by the first request. Their objects stay for good: frozen, they are left out of garbage
# collections, which hold up every request, for 0.2 s if they go through all of them.
_ = get_resolver().url_patterns
pa.array(np.zeros(1))  # pyarrow loads pandas, where it is installed, with its first conversion: 0.3 s
gc.collect()
gc.freeze()
