"""Typed readers of environment variables; an invalid value raises a SettingError of one sentence."""

import getpass
import ipaddress
import os
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

YES, NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)
WHOLE = re.compile(r"[+-]?\d{1,18}", re.ASCII)
RATE = re.compile(r"0*[1-9]\d{0,8}/[smhd]", re.ASCII)
MEMORY = re.compile(r"(?=.*[1-9])\d{1,9}(\.\d{1,3})? ?[KMGT]i?B", re.ASCII | re.IGNORECASE)
ESCAPES = "Inside a name, password or path of a URL write %23 for #, %3F for ?, %2F for / and %40 for @."
PRINTABLE = re.compile(r"[^\x00-\x1f\x7f]*")


class SettingError(ValueError):
    """An unusable environment variable. The message is one sentence for the administrator and contains no password."""


def text(name: str, default: str = "") -> str:
    """Return the variable without surrounding blanks; ``default`` where it is unset or empty. Raises SettingError."""
    value = os.environ.get(name, "").strip()
    if not PRINTABLE.fullmatch(value):
        raise SettingError(f"{name} must be one line of text, and it holds a control character.")
    return value or default


def flag(name: str, default: bool = False) -> bool:
    """Return a boolean variable. Raises SettingError for anything but yes or no."""
    value = text(name).lower()
    if value and value not in YES + NO:
        raise _wrong(name, "1 or 0")
    return value in YES if value else default


def whole(name: str, default: int, least: int = 0, most: int | None = None) -> int:
    """Return a whole number. Raises SettingError outside ``least`` to ``most``."""
    value = text(name)
    if not value:
        return default
    if not WHOLE.fullmatch(value) or int(value) < least or (most is not None and int(value) > most):
        raise _wrong(name, f"a whole number from {least}" + (f" to {most}" if most is not None else ""))
    return int(value)


def number(name: str, default: float, least: float = 0, most: float = 1_000_000) -> float:
    """Return a decimal number. Raises SettingError outside ``least`` to ``most``, and for a unit or an exponent."""
    value = text(name)
    if not value:
        return default
    if not NUMBER.fullmatch(value) or not least <= float(value) <= most:
        raise _wrong(name, f"a number from {least:g} to {most:g} in digits, without a unit or exponent")
    return float(value)


def names(name: str, default: Sequence[str] = ()) -> list[str]:
    """Return the parts of a comma-separated variable."""
    return [part for part in (part.strip() for part in text(name).split(",")) if part] or list(default)


def choice(name: str, default: str, among: Sequence[str]) -> str:
    value = text(name, default)
    if value not in among:
        raise _wrong(name, f"one of {', '.join(among)}")
    return value


def rate(name: str, default: str) -> str:
    """Return a rate of requests, such as ``600/m``. Raises SettingError."""
    value = text(name, default)
    if not RATE.fullmatch(value):
        raise _wrong(name, "a number and a time, as 10/s, 600/m, 5000/h or 9999/d")
    return value


def memory(name: str, default: str) -> str:
    """Return an amount of memory, such as ``512MB``. Raises SettingError."""
    value = text(name, default)
    if not MEMORY.fullmatch(value):
        raise _wrong(name, "a number and a unit, as 512MB or 2GiB")
    return value


def address(name: str, schemes: Sequence[str], default: str = "") -> str:
    """Return a URL of one of ``schemes``. Raises SettingError, which does not repeat the URL, since it may contain a password."""
    value = text(name, default)
    if not value:
        return value
    try:
        parts = urlsplit(value)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        raise SettingError(f"{name} has an impossible host or port. {ESCAPES}") from None
    if parts.scheme not in schemes:
        raise SettingError(f"{name} must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}.")
    if not port_is_right or not (parts.hostname or parts.path.strip("/")):
        raise SettingError(f"{name} needs a host, or a path, after {parts.scheme}://, and a port from 1 to 65535 if any.")
    if parts.fragment or (parts.query and "=" not in parts.query):
        raise SettingError(f"{name} is cut short by a # or ? in it. {ESCAPES}")
    return value


def networks(name: str) -> list[str]:
    """Return comma-separated IP addresses and networks. Raises SettingError for names, and for a network of all addresses."""
    parts = names(name)
    for part in parts:
        try:
            network = ipaddress.ip_network(part, strict=True)
        except ValueError:
            raise SettingError(
                f"{name} must be IP addresses or networks, as 127.0.0.1 or 10.0.0.0/24, and has “{part}”."
            ) from None
        if network.prefixlen == 0:
            raise SettingError(f"{name} must name single addresses or networks, and “{part}” is every address.")
    return parts


def folder(name: str, default: Path) -> Path:
    """Return an absolute path; ``~`` is the home folder. Raises SettingError."""
    value = text(name)
    try:
        return (Path(value).expanduser() if value else default).resolve()
    except (RuntimeError, OSError) as error:
        raise SettingError(f"{name} cannot be used as a folder: {error}.") from None


def read_secrets(names: Sequence[str]) -> None:
    """Set each of these variables whose value is in a file that NAME_FILE names, without the file's last line break.

    Raises SettingError for a file that cannot be read, and where a variable is set both ways.
    """
    for name in names:
        path = os.environ.get(f"{name}_FILE", "").strip()
        if not path:
            continue
        if os.environ.get(name, "").strip():
            raise SettingError(f"{name} and {name}_FILE are both set. Unset one of them.")
        try:
            value = Path(path).expanduser().read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeError, RuntimeError) as error:
            raise SettingError(f"{name}_FILE names a file that cannot be read: {type(error).__name__}.") from None
        os.environ[name] = value
        os.environ.pop(f"{name}_FILE")  # children have the value


def in_url(host: str) -> str:
    """Return a host as URLs and Host headers spell it: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def home(instead: Path) -> None:
    """Set HOME to ``instead`` and USER to the user id where the account has none of its own.

    This is the case for a bare user id in a container; several libraries read both.
    """
    try:
        Path.home()
    except (RuntimeError, KeyError):
        os.environ["HOME"] = str(instead)
    try:
        getpass.getuser()
    except (KeyError, OSError):
        os.environ["USER"] = str(os.getuid())


def _wrong(name: str, expected: str) -> SettingError:
    return SettingError(f"{name} must be {expected}, and it is “{text(name)[:60]}”.")
