"""The web server's module, imported in a process of its own."""

import os
import subprocess
import sys

from django.conf import settings

from tests.lab import ROOT

STARTED = (
    "import gc, sys\n"
    "import webapp.asgi\n"
    "print('webapp.pages.explorer.explorer_views' in sys.modules, gc.get_freeze_count(), len(gc.get_objects()))"
)


def test_a_web_server_has_loaded_its_pages_and_leaves_the_objects_of_modules_out_of_garbage_collections() -> None:
    environ = os.environ | {"DJANGO_SETTINGS_MODULE": "webapp.settings", "DATA_DIR": str(settings.DATA_DIR)}
    command = [sys.executable, "-c", STARTED]
    loaded, frozen, others = subprocess.run(
        command, cwd=ROOT, env=environ, check=True, capture_output=True, text=True
    ).stdout.split()
    assert loaded == "True"
    assert int(frozen) > 100 * int(others)
