"""The folder of all state: database, artifacts, data sets, keys, logs. It depends on whether this is a checkout."""

from pathlib import Path

from platformdirs import user_data_path

from training import environment

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = "w2s-lab"
CHECKOUT = (ROOT / "manage.py").is_file()
"""True in a checkout of the project, false in an installed package."""


def data_dir() -> Path:
    """Return DATA_DIR, or ``var/`` of a checkout, or the platform's folder for the data of an installed program.

    Raises SettingError for an account without a home folder, where DATA_DIR has to name one.
    """
    if environment.text("DATA_DIR") or CHECKOUT:
        return environment.folder("DATA_DIR", ROOT / "var")
    try:
        return user_data_path(PROGRAM, appauthor=False)
    except RuntimeError:
        raise environment.SettingError("DATA_DIR must name a folder, since this account has no home folder.") from None
