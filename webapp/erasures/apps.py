from django.apps import AppConfig


class ErasuresConfig(AppConfig):
    name = "webapp.erasures"
