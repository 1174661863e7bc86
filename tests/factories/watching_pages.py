"""Pages that watch an experiment through the sockets of this process."""

import json
from typing import Any

from asgiref.testing import ApplicationCommunicator
from channels.routing import URLRouter
from django.contrib.auth.models import AnonymousUser, User

from webapp.experiments.models import Experiment
from webapp.live.routing import websocket_urlpatterns

Received = dict[int, list[dict[str, Any]]]
"""The events that a page has, by run, in the order in which they arrived."""


class WatchingPage:
    """A page that watches an experiment, or the runs of ``query``: it connects, lists its events, and collects new ones."""

    def __init__(
        self, experiment: Experiment | None, user: User | AnonymousUser, have: Received | None = None, query: str = ""
    ) -> None:
        path = f"/ws/experiments/{experiment.pk}/" if experiment else "/ws/runs/"
        scope: dict[str, Any] = {
            "type": "websocket",
            "path": path,
            "query_string": query.encode(),
            "headers": [],
            "subprotocols": [],
            "user": user,
        }
        self.socket = ApplicationCommunicator(URLRouter(websocket_urlpatterns), scope)
        self.received: Received = {} if have is None else have

    async def connect(self) -> None:
        await self.socket.send_input({"type": "websocket.connect"})
        assert (await self.socket.receive_output(timeout=10))["type"] == "websocket.accept"

    async def say(self, message: Any) -> None:
        await self.socket.send_input({"type": "websocket.receive", "text": json.dumps(message)})

    async def list_events(self) -> None:
        """Send the first message, after which the server sends what the page does not have."""
        await self.say({"have": {str(run): events[-1]["seq"] for run, events in self.received.items() if events}})

    async def disconnect(self) -> None:
        await self.socket.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.socket.wait()

    async def __aenter__(self) -> "WatchingPage":
        await self.connect()
        await self.list_events()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.disconnect()

    async def message(self) -> Any:
        """Take the next message of the server."""
        return json.loads((await self.socket.receive_output(timeout=10))["text"])

    async def frame(self) -> Any:
        """Take the next frame; return its events by run."""
        runs = (await self.message())["runs"]
        for run, events in runs.items():
            self.received.setdefault(int(run), []).extend(events)
        return runs

    async def take_arrived(self) -> None:
        """Take the frames that have arrived."""
        while not self.socket.output_queue.empty():
            await self.frame()

    async def until(self, run: int, seq: int) -> None:
        while not (self.received.get(run) and self.received[run][-1]["seq"] >= seq):
            await self.frame()
