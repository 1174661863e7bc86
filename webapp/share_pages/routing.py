from django.urls import path

from webapp.share_pages.consumers import EmbedAccess, TeamAccess, TeamConsumer, VisitorAccess, VisitorConsumer

websocket_urlpatterns = [
    path("shared/<slug:slug>/live/", VisitorConsumer.as_asgi()),
    path("shares/<slug:slug>/live/", TeamConsumer.as_asgi()),
    path("shared/<slug:slug>/access/", VisitorAccess.as_asgi()),
    path("shares/<slug:slug>/access/", TeamAccess.as_asgi()),
    path("e/<str:token>/access/", EmbedAccess.as_asgi()),
]
