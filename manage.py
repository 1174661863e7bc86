#!/usr/bin/env python
"""Django's command line: ``up``, ``demo``, ``token``, ``recover`` and what Django brings."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from training.environment import SettingError
from training.file_permissions import restrict_permissions

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
    try:
        restrict_permissions()
        execute_from_command_line(sys.argv)
    except (SettingError, ImproperlyConfigured) as error:
        sys.exit(f"{type(error).__name__}: {error}")
