"""Django's command line, as ``python -m webapp``, ``manage.py`` of a checkout and ``w2s`` of an installed package."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import OperationalError

from training.environment import SettingError
from training.file_permissions import restrict_permissions
from training.storage.remote import StoreUnreachable


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
    try:
        restrict_permissions()
        execute_from_command_line(sys.argv)
    except (SettingError, ImproperlyConfigured) as error:
        sys.exit(f"{type(error).__name__}: {error}")
    except StoreUnreachable as error:
        sys.exit(f"CommandError: {error}")
    except OperationalError as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"CommandError: The database cannot be used: {' '.join(str(error).split())}")


if __name__ == "__main__":
    main()
