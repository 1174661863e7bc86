"""The folder of an installation: who may read it, and the key that it is signed with."""

import contextlib
import fcntl
import os
import secrets
import stat
from pathlib import Path

from training.environment import SettingError
from training.file_permissions import file_mode, folder_mode, group


def protect(data_dir: Path) -> None:
    """Make DATA_DIR if there is none, and close it, and all that is in it, to whom it is not for. Raises SettingError.

    What has the right mode already costs one ``stat``.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = data_dir.stat()
        if _right(found):
            return
        if found.st_mode & stat.S_ISVTX or data_dir == data_dir.parent:
            raise SettingError(f"DATA_DIR {data_dir} is a folder of all accounts: name a folder inside it.")
        data_dir.chmod(0o700)  # at once, and rightly at the end: what is interrupted here is done again
        for folder, folders, files in os.walk(data_dir):
            for name in (*folders, *files):
                with contextlib.suppress(FileNotFoundError, PermissionError):  # it has gone, or is another account's
                    _close(Path(folder, name))
        _close(data_dir)
        if data_dir.stat().st_mode & stat.S_IRWXO:
            raise SettingError(
                f"DATA_DIR {data_dir} is on a disk that keeps no modes, so every account may read it: use another."
            )
    except OSError as error:
        raise SettingError(f"DATA_DIR {data_dir} cannot be used, or not be closed to other accounts: {error}.") from error


def _right(found: os.stat_result) -> bool:
    gid = group()
    return stat.S_IMODE(found.st_mode) == folder_mode() and (gid is None or found.st_gid == gid)


def _close(path: Path) -> None:
    """Links lead to what is not ours, and sockets have modes of their own."""
    found = path.lstat()
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        return
    gid = group()
    if gid is not None and found.st_gid != gid:
        os.chown(path, -1, gid)
    path.chmod(folder_mode() if stat.S_ISDIR(found.st_mode) else file_mode())


def secret_key(data_dir: Path) -> str:
    """The key of this installation, made at its first start. One that a killed start or a full disk left empty is made anew."""
    path = data_dir / "secret-key"
    try:
        with open(os.open(path, os.O_RDWR | os.O_CREAT, file_mode()), "r+") as file:  # noqa: PTH123 - Path has no opener with a mode
            fcntl.flock(file, fcntl.LOCK_EX)  # several processes start at once
            key = file.read()
            if not key.strip("\0 \r\n\t"):
                key = secrets.token_urlsafe(50)
                file.seek(0)
                file.truncate()
                file.write(key)
                file.flush()
                os.fsync(file.fileno())
            return key
    except (OSError, ValueError) as error:
        raise SettingError(f"{path} cannot be used: {error}.") from error
