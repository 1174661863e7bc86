from importlib import import_module

from django.apps import AppConfig


class SharesConfig(AppConfig):
    name = "webapp.shares"

    def ready(self) -> None:
        import_module("webapp.shares.receivers")  # connects signals, and needs the models, which are loaded by now
