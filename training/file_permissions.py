"""Who may read what is written here: this account alone, or also the accounts of the group that DATA_GROUP names."""

import grp
import os

from training import log_redaction
from training.environment import SettingError, text


def group() -> int | None:
    """The id of the group DATA_GROUP, None where none is set. Raises SettingError for a group that is none."""
    name = text("DATA_GROUP")
    if not name:
        return None
    try:
        return grp.getgrgid(int(name)).gr_gid if name.isdecimal() else grp.getgrnam(name).gr_gid
    except (KeyError, OverflowError):
        if name.isdecimal() and int(name) in (os.getgid(), *os.getgroups()):
            return int(name)  # in a container, a group need not have a name
        raise SettingError(f"DATA_GROUP must be a group of this machine, by name or number, and it is “{name}”.") from None


def mask() -> int:
    """The bits that no new file has."""
    return 0o077 if group() is None else 0o007


def private() -> None:
    """Let nobody else read what this process and its children write, and no secret stand in its logs.

    The first call of every program.
    """
    os.umask(mask())
    log_redaction.install()


def file_mode() -> int:
    """For a file that was made unreadable to everybody else, as ``tempfile`` makes them, and that now takes its place."""
    return 0o666 & ~mask()


def folder_mode() -> int:
    """With a group, what is made in the folder belongs to the group too (set-group-ID)."""
    return 0o700 if group() is None else 0o2770
