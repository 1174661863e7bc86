"""``make docs``: the reference written anew from the code, and the site built strictly, where the laboratory serves it from."""

import os
from pathlib import Path

import django
from mkdocs.commands.build import build as build_site
from mkdocs.config import load_config

from training.file_permissions import mask
from training.state_folder import data_dir

ROOT = Path(__file__).resolve().parents[2]


def build(site: Path) -> None:
    """Raise mkdocs.exceptions.Abort for a broken link, a missing anchor, or a page that the navigation does not have."""
    build_site(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(site)))


if __name__ == "__main__":
    folder = data_dir()
    private = mask()
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    from tests.docs.reference import write

    write()
    os.umask(private)  # the site lies in the data folder, where nothing is readable to others
    build(folder / "docs")
