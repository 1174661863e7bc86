from importlib import import_module

from django.apps import AppConfig


class SharesConfig(AppConfig):
    name = "webapp.shares"

    def ready(self) -> None:
        import_module("webapp.shares.receivers")  # which listens, and needs the models that are loaded by now
