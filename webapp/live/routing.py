from django.urls import path

from webapp.live.consumers import ExperimentConsumer
from webapp.live.runs_consumer import RunsConsumer

websocket_urlpatterns = [
    path("ws/experiments/<int:experiment_id>/", ExperimentConsumer.as_asgi()),
    path("ws/runs/", RunsConsumer.as_asgi()),
]
