from importlib import import_module

from django.apps import AppConfig


class LiveConfig(AppConfig):
    name = "webapp.live"

    def ready(self) -> None:
        import_module("webapp.live.receivers")  # which listens, and needs the models that are loaded by now
