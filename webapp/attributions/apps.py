from django.apps import AppConfig


class AttributionsConfig(AppConfig):
    name = "webapp.attributions"
    label = "erasures"  # the name in tables and migrations
