"""The folders of templates and static files: beside webapp/ in a checkout, inside it in an installed package."""

from pathlib import Path

PACKAGED = Path(__file__).resolve().parent / "packaged"
ROOT = PACKAGED if PACKAGED.is_dir() else PACKAGED.parents[1]
TEMPLATES = ROOT / "templates"
STATIC = ROOT / "static"
