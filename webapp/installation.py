"""The folder of an installation: its file modes and its secret key."""

import contextlib
import fcntl
import os
import secrets
import stat
from pathlib import Path

from training.environment import SettingError
from training.file_permissions import file_mode, folder_mode, group


def protect(data_dir: Path) -> None:
    """Make DATA_DIR if necessary, and remove access for other accounts from it and its content. Raise SettingError.

    A folder with the right mode costs one ``stat``.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = data_dir.stat()
        if _right(status):
            return
        if status.st_mode & stat.S_ISVTX or data_dir == data_dir.parent:
            raise SettingError(f"DATA_DIR {data_dir} is a folder of all accounts: name a folder inside it.")
        data_dir.chmod(0o700)  # the final mode is set last, so an interrupted call is repeated
        for folder, folders, files in os.walk(data_dir):
            for name in (*folders, *files):
                with contextlib.suppress(FileNotFoundError, PermissionError):  # deleted, or owned by another account
                    _close(Path(folder, name))
        _close(data_dir)
        if data_dir.stat().st_mode & stat.S_IRWXO:
            raise SettingError(f"DATA_DIR {data_dir} is on a disk without file modes, so every account can read it: use another.")
    except OSError as error:
        raise SettingError(f"DATA_DIR {data_dir} cannot be used, or not be closed to other accounts: {error}.") from error


def _right(status: os.stat_result) -> bool:
    gid = group()
    return stat.S_IMODE(status.st_mode) == folder_mode() and (gid is None or status.st_gid == gid)


def _close(path: Path) -> None:
    """Set the mode of a file or folder. Links may lead outside, and sockets have modes of their own."""
    status = path.lstat()
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        return
    gid = group()
    if gid is not None and status.st_gid != gid:
        os.chown(path, -1, gid)
    path.chmod(folder_mode() if stat.S_ISDIR(status.st_mode) else file_mode())


def secret_key(data_dir: Path) -> str:
    """Return the key of this installation, made at its first start, and again if a killed start or a full disk left it empty."""
    path = data_dir / "secret-key"
    try:
        with open(os.open(path, os.O_RDWR | os.O_CREAT, file_mode()), "r+") as file:  # noqa: PTH123 - Path has no opener with a mode
            fcntl.flock(file, fcntl.LOCK_EX)  # several processes may start at once
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
