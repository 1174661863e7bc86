from importlib import import_module

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "webapp.accounts"

    def ready(self) -> None:
        import_module("webapp.accounts.login_log")  # connects signals, and needs loaded models
