"""Names from outside: the types that a specification may contain, and the only conversion of a name to a path.

Every key, digest and name of a run or an archive has one of these types, so that an archive with another value is refused when
it is read. A name that becomes part of a path also goes through ``component``.
"""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

GROUND_TRUTH = "ground-truth"
LOCAL, HUB, GIVEN, FEATURES = "local:", "hub:", "given:", "features:"
LONGEST_NAME, LONGEST_FOLDER = 64, 1024

HEX = r"[0-9a-f]{64}"
DATASET = rf"[a-z0-9][a-z0-9_-]{{0,{LONGEST_NAME - 1}}}"
MODEL = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
REVISION = r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}"
ARRAY = r"[A-Za-z][A-Za-z0-9_-]{0,47}"
COMPONENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
PLAIN_MODEL = re.compile(MODEL)
ARRAY_MODEL = re.compile(FEATURES + ARRAY)
HUB_MODEL = re.compile(rf"{HUB}{MODEL}/{MODEL}(@{REVISION})?")
GIVEN_MODEL = re.compile(rf"{GIVEN}(?P<title>{DATASET})@(?P<digest>[0-9a-f]{{16}})")
"""Labels from outside, by the name of their file and the beginning of its digest."""
NEWEST_GIVEN = re.compile(GIVEN + DATASET)
"""The newest labels of a name, as a recipe asks for them; planning finds their digest."""

Key = Annotated[str, StringConstraints(pattern=rf"^{HEX}$")]
"""Key of a run: the SHA-256 of its canonical JSON, in hexadecimal."""
Fingerprint = Annotated[str, StringConstraints(pattern=rf"^{HEX}$")]
"""Fingerprint of a data set: the SHA-256 of its Parquet file."""
Digest = Annotated[str, StringConstraints(pattern=rf"^({HEX}|[0-9a-f]{{40}})?$")]
"""Digest of a model: a SHA-256, or a commit on the Hub; empty for a model without pretrained weights."""
Labels = Annotated[str, StringConstraints(pattern=rf"^({GROUND_TRUTH}|{HEX})$")]
"""Source of a run's labels: the ground truth, or the key of a run."""
DatasetName = Annotated[str, StringConstraints(pattern=rf"^{DATASET}$")]


def model_name(name: str) -> str:
    """Return ``name`` if it can name a model in the catalog, on the Hub, or in a local folder. Raises ValueError."""
    if is_model_name(name):
        return name
    raise ValueError(
        "A model is named by 1 to 96 letters, digits, dots, - and _, or by hub:ORG/NAME, hub:ORG/NAME@REVISION, local:FOLDER, "
        "given:NAME@DIGEST or features:ARRAY; no part may be .. and no character unprintable."
    )


def is_model_name(name: str) -> bool:
    folder = name.removeprefix(LOCAL)
    if folder != name:
        return 0 < len(folder) <= LONGEST_FOLDER and folder.isprintable() and "\\" not in folder and ".." not in folder.split("/")
    patterns = (PLAIN_MODEL, HUB_MODEL, GIVEN_MODEL, NEWEST_GIVEN, ARRAY_MODEL)
    return ".." not in name and any(pattern.fullmatch(name) for pattern in patterns)


ModelName = Annotated[str, StringConstraints(max_length=LONGEST_FOLDER + len(LOCAL)), AfterValidator(model_name)]
"""Name of a model: a catalog entry, ``hub:ORG/NAME``, ``hub:ORG/NAME@REVISION``, ``local:FOLDER``, ``given:NAME@DIGEST`` or
``features:ARRAY``.
"""


class UnsafeName(ValueError):
    """A name that could make a path leave its folder."""


def component(name: str) -> str:
    """Return ``name`` if it is one plain component of a path. Raises UnsafeName otherwise.

    A plain component has up to 200 ASCII letters, digits, dots, - and _, begins with a letter or digit, and has no two dots in
    a row. It therefore contains no separator, NUL or line break, is not hidden, and cannot name another folder.
    """
    if not COMPONENT.fullmatch(name) or ".." in name:
        raise UnsafeName(f"{name[:80]!r} cannot be the name of a file or folder.")
    return name


def within(folder: Path, name: str, suffix: str = "") -> Path:
    """Return the path of the file or folder ``name`` + ``suffix`` directly in ``folder``. Raises UnsafeName."""
    return folder / (component(name) + suffix)
