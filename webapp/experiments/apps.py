from importlib import import_module

from django.apps import AppConfig


class ExperimentsConfig(AppConfig):
    name = "webapp.experiments"

    def ready(self) -> None:
        import_module("webapp.slow_queries")  # watches every connection to the database
