"""Names that come from elsewhere: the types that a specification may hold, and the one way from a name to a path.

Every key, digest and name of a run or an archive is of one of these types, so that a foreign file with another value is refused
when it is read. Whatever becomes a part of a path goes through ``component`` as well.
"""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

GROUND_TRUTH = "ground-truth"
LOCAL, HUB = "local:", "hub:"
LONGEST_NAME, LONGEST_FOLDER = 64, 1024

HEX = r"[0-9a-f]{64}"
DATASET = rf"[a-z0-9][a-z0-9_-]{{0,{LONGEST_NAME - 1}}}"
MODEL = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
REVISION = r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}"
COMPONENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
PLAIN_MODEL = re.compile(MODEL)
HUB_MODEL = re.compile(rf"{HUB}{MODEL}/{MODEL}(@{REVISION})?")

Key = Annotated[str, StringConstraints(pattern=rf"^{HEX}$")]
"""Of a run: the SHA-256 of its canonical JSON, in hexadecimal."""
Fingerprint = Annotated[str, StringConstraints(pattern=rf"^{HEX}$")]
"""Of a data set: the SHA-256 of its Parquet file."""
Digest = Annotated[str, StringConstraints(pattern=rf"^({HEX}|[0-9a-f]{{40}})?$")]
"""Of a model: a SHA-256, or a commit on the Hub; empty of one that has no weights before it is trained."""
Labels = Annotated[str, StringConstraints(pattern=rf"^({GROUND_TRUTH}|{HEX})$")]
"""Where a run's labels are from: the ground truth, or the key of a run."""
DatasetName = Annotated[str, StringConstraints(pattern=rf"^{DATASET}$")]


def model_name(name: str) -> str:
    """``name``, where it can name a model: in the catalog, on the Hub, or in a local folder. Raises ValueError."""
    if is_model_name(name):
        return name
    raise ValueError(
        "A model is named by 1 to 96 letters, digits, dots, - and _, or by hub:ORG/NAME, hub:ORG/NAME@REVISION or local:FOLDER; "
        "no part may be .. and no character unprintable."
    )


def is_model_name(name: str) -> bool:
    folder = name.removeprefix(LOCAL)
    if folder != name:
        return 0 < len(folder) <= LONGEST_FOLDER and folder.isprintable() and "\\" not in folder and ".." not in folder.split("/")
    return ".." not in name and bool(PLAIN_MODEL.fullmatch(name) or HUB_MODEL.fullmatch(name))


ModelName = Annotated[str, StringConstraints(max_length=LONGEST_FOLDER + len(LOCAL)), AfterValidator(model_name)]
"""Of the catalog, ``hub:ORG/NAME``, ``hub:ORG/NAME@REVISION`` or ``local:FOLDER``."""


class UnsafeName(ValueError):
    """A name that would lead a path somewhere else."""


def component(name: str) -> str:
    """``name``, where it is one plain part of a path. Raises UnsafeName for every other one.

    Plain are up to 200 ASCII letters, digits, dots, - and _, of which the first is a letter or digit and no two dots follow
    each other. So no name holds a separator, a NUL or a line break, and none is hidden or means another folder.
    """
    if not COMPONENT.fullmatch(name) or ".." in name:
        raise UnsafeName(f"{name[:80]!r} cannot be the name of a file or folder.")
    return name


def within(folder: Path, name: str, suffix: str = "") -> Path:
    """The path of the file or folder ``name`` + ``suffix`` directly in ``folder``. Raises UnsafeName."""
    return folder / (component(name) + suffix)
