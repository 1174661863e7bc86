from django.apps import AppConfig


class AttributionsConfig(AppConfig):
    name = "webapp.attributions"
    label = "erasures"  # as tables and migrations have it
