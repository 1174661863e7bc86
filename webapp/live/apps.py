from importlib import import_module

from django.apps import AppConfig


class LiveConfig(AppConfig):
    name = "webapp.live"

    def ready(self) -> None:
        import_module("webapp.live.receivers")  # connects signals, and needs the models, which are loaded by now
