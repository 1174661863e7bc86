"""Permissions of files: readable by this account alone, or also by the accounts of the group that DATA_GROUP names."""

import grp
import os

from training import log_redaction
from training.environment import SettingError, read_secrets, text


def group() -> int | None:
    """Return the id of the group DATA_GROUP, None where it is unset. Raises SettingError for an unknown group."""
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
    """Return the umask: the permission bits that no new file has."""
    return 0o077 if group() is None else 0o007


def restrict_permissions() -> None:
    """Keep the files of this process and its children from other accounts, and secrets out of its logs.

    Every program calls this first. Secrets that are in files are read here, so that all that follows finds them.
    """
    os.umask(mask())
    log_redaction.install()
    read_secrets(log_redaction.SECRET_VARIABLES + log_redaction.URL_VARIABLES)


def file_mode() -> int:
    """Return the mode of a file that ``tempfile`` made private and that now replaces the target."""
    return 0o666 & ~mask()


def folder_mode() -> int:
    """Return the mode of folders; with a group, their content belongs to the group too (set-group-ID)."""
    return 0o700 if group() is None else 0o2770
