from django.urls import path

from webapp.sharing.consumers import TeamConsumer, VisitorConsumer

websocket_urlpatterns = [
    path("shared/<slug:slug>/live/", VisitorConsumer.as_asgi()),
    path("shares/<slug:slug>/live/", TeamConsumer.as_asgi()),
]
